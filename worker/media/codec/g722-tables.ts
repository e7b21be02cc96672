/**
 * The tables of ITU-T G.722 (09/2012) clauses 3, 5 and 6: quantizers of both sub-bands, their inverses,
 * the logarithmic scale factors and the taps of the quadrature mirror filters. Names are the text's.
 */

/** Taps of the quadrature mirror filter, half of the symmetric 24 (table 11); the rest runs backwards. */
export const QMF_TAPS = Int32Array.of(3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11);

/** Decision levels of the 60-level quantizer, in eighths (table 14, Q6); behind the last there is no other. */
export const Q6 = Int32Array.of(
  ...[0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714],
  ...[786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919],
);

/** Code of the lower sub-band for the interval of a positive difference (ILP): 61, 60 … 32. */
export const positiveCode = (interval: number): number => 62 - interval;
/** The same for a negative one (ILN): 63, 62, then 31, 30 … 4. */
export const negativeCode = (interval: number): number => (interval < 3 ? 64 : 34) - interval;

/** Inverse quantizers of 6, 4 and 2 bits (QQ6, QQ4, QQ2). */
export const INVERSE_6 = Int32Array.of(
  ...[-136, -136, -136, -136, -24_808, -21_904, -19_008, -16_704, -14_984, -13_512, -12_280, -11_192],
  ...[-10_232, -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576],
  ...[-3168, -2776, -2400, -2032, -1688, -1360, -1040, -728, 24_808, 21_904, 19_008, 16_704],
  ...[14_984, 13_512, 12_280, 11_192, 10_232, 9360, 8576, 7856, 7192, 6576, 6000, 5456],
  ...[4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136],
);
export const INVERSE_4 = Int32Array.of(
  ...[0, -20_456, -12_896, -8968, -6288, -4240, -2584, -1200],
  ...[20_456, 12_896, 8968, 6288, 4240, 2584, 1200, 0],
);
export const INVERSE_2 = Int32Array.of(-7408, -1616, 7408, 1616);

/** Steps of the logarithmic scale factor by code: WL over RIL and WH over IH. */
export const LOG_STEP_LOW = Int32Array.of(
  ...[-60, 3042, 1198, 538, 334, 172, 58, -30],
  ...[3042, 1198, 538, 334, 172, 58, -30, -60],
);
export const LOG_STEP_HIGH = Int32Array.of(798, -214, 798, -214);

/** 2^(n/32) × 2048 (ILB): turns the logarithmic scale factor into the linear one. */
export const ILB = Int32Array.of(
  ...[2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834],
  ...[2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008],
);
