#include <stdint.h>
#include <string.h>
#ifndef LN
#define LN 64
#endif
typedef float f;
/* one plan of 64 lanes: V[x][cell][lane] */
void plan(f*restrict V,f*restrict V2,f*restrict W,int nx,int C,int depth,const int32_t*restrict nb,const int32_t*restrict slot,
 const int32_t*restrict dptr,const int32_t*restrict dx,const f*restrict dp,const int32_t*restrict urow,const int32_t*restrict uev,const int32_t*restrict uptr,const int32_t*restrict ux,const f*restrict up,
 const f*restrict gamma,const f*restrict re,const uint8_t*restrict live)
{
 f*a=V,*b=V2;
 for(int k=0;k<depth;k++){
  for(int x=0;x<nx;x++){ if(!live[x])continue;
   f*restrict w=W;
   int j0=dptr[x],j1=dptr[x+1];
   if(j1-j0==1){ const f p=dp[j0]; const f*restrict v=a+(long)dx[j0]*C*LN; for(int c=0;c<C;c++) for(int l=0;l<LN;l++) w[c*LN+l]=gamma[l]*(p*v[c*LN+l]);}
   else if(j1-j0==2){ const f p=dp[j0],q=dp[j0+1]; const f*restrict v=a+(long)dx[j0]*C*LN,*restrict u=a+(long)dx[j0+1]*C*LN; for(int c=0;c<C;c++) for(int l=0;l<LN;l++) w[c*LN+l]=gamma[l]*(p*v[c*LN+l]+q*u[c*LN+l]);}
   else if(j1-j0==4){ const f p=dp[j0],q=dp[j0+1],r=dp[j0+2],s=dp[j0+3]; const f*restrict v=a+(long)dx[j0]*C*LN,*restrict u=a+(long)dx[j0+1]*C*LN,*restrict t=a+(long)dx[j0+2]*C*LN,*restrict z=a+(long)dx[j0+3]*C*LN; for(int c=0;c<C;c++) for(int l=0;l<LN;l++) w[c*LN+l]=gamma[l]*(p*v[c*LN+l]+q*u[c*LN+l]+r*t[c*LN+l]+s*z[c*LN+l]);}
   f*restrict o=b+(long)x*C*LN;
   for(int c=0;c<C;c++){
    const f*restrict w0=w+nb[c*4]*LN,*restrict w1=w+nb[c*4+1]*LN,*restrict w2=w+nb[c*4+2]*LN,*restrict w3=w+nb[c*4+3]*LN,*restrict w4=w+c*LN;
    f*restrict oc=o+c*LN;
    for(int l=0;l<LN;l++){ f m=w4[l]; m=w0[l]>m?w0[l]:m; m=w1[l]>m?w1[l]:m; m=w2[l]>m?w2[l]:m; m=w3[l]>m?w3[l]:m; oc[l]=m;}
    int s=slot[c]; if(s>=0){ int r=urow[s*nx+x]; if(r>=0){ f t[LN]; memset(t,0,sizeof t);
      for(int j=uptr[r];j<uptr[r+1];j++){const f p=up[j]; const f*restrict v=a+((long)ux[j]*C+c)*LN; for(int l=0;l<LN;l++) t[l]+=p*v[l];}
      const f*restrict rr=re+uev[r]*LN; for(int l=0;l<LN;l++){ f q=rr[l]+gamma[l]*t[l]; oc[l]=q>oc[l]?q:oc[l];} } }
   }
  }
  f*t=a;a=b;b=t;
 }
 if(a!=V) memcpy(V,a,sizeof(f)*(long)nx*C*LN);
}
