/* The planner's backups by hand, for comparison with the Numba core: `evosim bench` compiles this
 * file with -O3 -march=native and runs it on the very arrays of evosim.core.plan.improve.
 *
 * The same backups in the same layout: value[2][x][cell][lane], a lane is an agent, one x at a
 * time in two passes. The first sweeps the values at the next x into `worth`, a block of
 * n_cells * LANES floats that stays in the first-level cache; the second takes the maximum over
 * the actions, which only index that block. What C has over the kernel:
 *
 *   - `restrict`, so that no loop tests whether its arrays overlap;
 *   - vectors as a type, so that a use is summed in registers and joins the maximum in one pass;
 *   - fused multiply-adds, which the core forgoes to have the same bits on every processor.
 *
 * Less general than the kernel: no slip, no `here` and no `always`, and agents can stay. Tried and
 * slower (AMD Zen 3, gcc 12): blocks of 16 or 32 lanes, plain loops over lanes left to the compiler
 * to vectorize, and unrolling by hand.
 */

#include <stddef.h>
#include <stdint.h>

enum { LANES = 64, WIDTH = 8, VECTORS = LANES / WIDTH };

typedef float vector __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef vector row[VECTORS]; /* one number for each lane */

static inline vector all(float number)
{
    return number - (vector){0};
}

static inline vector max(vector a, vector b)
{
    vector m;
    for (int i = 0; i < WIDTH; i++) /* one instruction: compilers know the pattern */
        m[i] = a[i] > b[i] ? a[i] : b[i];
    return m;
}

/* worth[cell] = patience * sum_j p[j] * now[x[j]][cell], summed from left to right */
static inline void expected_next(row *restrict worth, const row *restrict now, int n_cells, int n,
                                 const int32_t *restrict x, const float *restrict p,
                                 const vector *restrict patience)
{
    const row *v0 = now + (ptrdiff_t)(n > 0 ? x[0] : 0) * n_cells;
    if (n == 2) {
        const row *v1 = now + (ptrdiff_t)x[1] * n_cells;
        const vector p0 = all(p[0]), p1 = all(p[1]);
        for (int c = 0; c < n_cells; c++)
            for (int l = 0; l < VECTORS; l++)
                worth[c][l] = patience[l] * (p0 * v0[c][l] + p1 * v1[c][l]);
    } else if (n == 4) {
        const row *v1 = now + (ptrdiff_t)x[1] * n_cells;
        const row *v2 = now + (ptrdiff_t)x[2] * n_cells;
        const row *v3 = now + (ptrdiff_t)x[3] * n_cells;
        const vector p0 = all(p[0]), p1 = all(p[1]), p2 = all(p[2]), p3 = all(p[3]);
        for (int c = 0; c < n_cells; c++)
            for (int l = 0; l < VECTORS; l++)
                worth[c][l] = patience[l] * (p0 * v0[c][l] + p1 * v1[c][l] + p2 * v2[c][l]
                                             + p3 * v3[c][l]);
    } else {
        for (int c = 0; c < n_cells; c++)
            for (int l = 0; l < VECTORS; l++) {
                vector sum = all(0);
                for (int j = 0; j < n; j++)
                    sum += all(p[j]) * now[(ptrdiff_t)x[j] * n_cells + c][l];
                worth[c][l] = patience[l] * sum;
            }
    }
}

/* Back up each lane to its depth, as evosim.core.plan.improve does; returns k, value[k] is V_d. */
int improve(row *restrict value, int n_x, int n_cells, int n_live, const int32_t *restrict live,
            const int32_t *restrict drift_ptr, const int32_t *restrict drift_x,
            const float *restrict drift_p, const int32_t *restrict use_row,
            const int32_t *restrict use_event, const int32_t *restrict next_ptr,
            const int32_t *restrict next_x, const float *restrict next_p,
            const int32_t (*restrict neighbour)[4], const int32_t *restrict slot,
            const vector *restrict patience, const int32_t *restrict depth,
            const row *restrict reward, row *restrict worth)
{
    const ptrdiff_t whole = (ptrdiff_t)n_x * n_cells;
    int32_t shallowest = depth[0], deepest = depth[0];
    for (int lane = 1; lane < LANES; lane++) {
        shallowest = depth[lane] < shallowest ? depth[lane] : shallowest;
        deepest = depth[lane] > deepest ? depth[lane] : deepest;
    }
    for (int32_t done = 0; done < deepest; done++) {
        const row *restrict now = value + (done & 1) * whole;
        row *restrict new = value + (1 - (done & 1)) * whole;
        for (int i = 0; i < n_live; i++) {
            const int x = live[i], begin = drift_ptr[x];
            row *restrict best = new + (ptrdiff_t)x * n_cells;
            expected_next(worth, now, n_cells, drift_ptr[x + 1] - begin, drift_x + begin,
                          drift_p + begin, patience);
            for (int c = 0; c < n_cells; c++) {
                const vector *stay = worth[c];
                const vector *north = worth[neighbour[c][0]], *south = worth[neighbour[c][1]];
                const vector *west = worth[neighbour[c][2]], *east = worth[neighbour[c][3]];
                const int use = slot[c] >= 0 ? use_row[(ptrdiff_t)slot[c] * n_x + x] : -1;
                if (use < 0) {
                    for (int l = 0; l < VECTORS; l++)
                        best[c][l] = max(stay[l], max(max(north[l], south[l]),
                                                      max(west[l], east[l])));
                    continue;
                }
                const vector *gain = reward[use_event[use]];
                vector sum[VECTORS] = {{0}};
                for (int32_t j = next_ptr[use]; j < next_ptr[use + 1]; j++) {
                    const vector *v = now[(ptrdiff_t)next_x[j] * n_cells + c];
                    for (int l = 0; l < VECTORS; l++)
                        sum[l] += all(next_p[j]) * v[l];
                }
                for (int l = 0; l < VECTORS; l++)
                    best[c][l] = max(gain[l] + patience[l] * sum[l],
                                     max(stay[l], max(max(north[l], south[l]),
                                                      max(west[l], east[l]))));
            }
            if (done >= shallowest) { /* some lanes have reached their depth: they stay there */
                const row *old = now + (ptrdiff_t)x * n_cells;
                for (int c = 0; c < n_cells; c++) {
                    const float *was = (const float *)old[c];
                    float *is = (float *)best[c];
                    for (int lane = 0; lane < LANES; lane++)
                        is[lane] = depth[lane] <= done ? was[lane] : is[lane];
                }
            }
        }
    }
    return deepest & 1;
}
