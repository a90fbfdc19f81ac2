// kaufman.c — see kaufman.h. On n columns and m rows (Kaufman, eq. 95 and what follows)
//   Z = ½ (2 sinh 2K)^(nm/2) Σ of four products over n values of φ: 2cosh(mγ/2) and 2sinh(mγ/2), φ = π(2r+1)/n and 2πr/n,
//   cosh γ(φ) = cosh²2K / sinh 2K - cos φ.
// In this form numbers overflow, and sinh 2K vanishes at K = 0. With S = sech 2K, T = tanh 2K, u = ST,
//   ρ = 1 - u cos φ + √((1 - u cos φ)² - u²) = e^γ sinh 2K / cosh² 2K,   q = u/ρ = e^-γ,
// the factors become (2 cosh²2K)^(m/2) ρ^(m/2) (1 ± q^m), where 0 ≤ |q| ≤ 1 and ½ ≤ ρ ≤ 2, at every K.
//
// At φ = 0 the root is |S - T|, which has a kink at Kc: the fourth product, of sinh at φ = 2πr/n, changes its sign there. It
// is 0 at Kc, but its derivatives are not, and it must not be dropped. So it is carried as value and derivatives beside the
// logarithms of the other factors. For K < 0 the same happens at φ = π and -Kc.
#include "kaufman.h"

#include <math.h>

#define LEAST_SUM 1e-4 // of the four products relative to their sizes: below, too few digits are left

/// A function of |K| at a point: its value and two derivatives.
typedef struct jet {
  double v, d, dd;
} jet;

static jet add(jet a, jet b) { return (jet){a.v + b.v, a.d + b.d, a.dd + b.dd}; }
static jet scale(jet a, double factor) { return (jet){factor * a.v, factor * a.d, factor * a.dd}; }
static jet shift(jet a, double constant) { return (jet){a.v + constant, a.d, a.dd}; }

static jet multiply(jet a, jet b) {
  return (jet){a.v * b.v, a.d * b.v + a.v * b.d, a.dd * b.v + 2 * a.d * b.d + a.v * b.dd};
}

/// f(a), given f and its derivatives at a.v.
static jet compose(jet a, double f, double df, double ddf) { return (jet){f, df * a.d, ddf * a.d * a.d + df * a.dd}; }

static jet inverse(jet a) { return compose(a, 1 / a.v, -1 / (a.v * a.v), 2 / (a.v * a.v * a.v)); }
static jet logarithm(jet a) { return compose(a, log(a.v), 1 / a.v, -1 / (a.v * a.v)); }

static jet square_root(jet a) {
  double root = sqrt(a.v);
  return compose(a, root, 0.5 / root, -0.25 / (root * a.v));
}

/// a^m of an integer m ≥ 1 held in a double.
static jet power(jet a, double m) {
  return compose(a, pow(a.v, m), m * pow(a.v, m - 1), m < 2 ? 0 : m * (m - 1) * pow(a.v, m - 2));
}

/// One of the four products: factor · exp(log). The logarithm grows with N: it is summed with care.
typedef struct product {
  long double v, d, dd; ///< of the logarithm
  jet factor;           ///< what may vanish or be negative; 1 but for the product with the critical φ
} product;

static void collect(product *p, jet log, double times) {
  p->v += (long double)(times * log.v);
  p->d += (long double)(times * log.d);
  p->dd += (long double)(times * log.dd);
}

/// The torus being computed; u and root are functions of |K|, the sign of K is kept apart.
typedef struct torus {
  uint64_t n; ///< φ takes n values
  double m;
  int negative; ///< K < 0
  double odd;   ///< sign of K to the power m: the sign of q^m
  jet u;        ///< |u|
  jet root;     ///< S - T, 0 at |K| = Kc
} torus;

/// Multiplies the cosh product and the sinh product by their factors at φ = πl/n, `times` times.
/// With h = sin²(φ/2), or cos²(φ/2) for K < 0, cos φ is ±(1 - 2h), and what is under the root falls into two factors that
/// are sums of positive terms: ((S-T)² + 2uh)(1 + 2uh).
static void add_factors(const torus *t, uint64_t l, double times, product *cosh_product, product *sinh_product) {
  int critical = l == (t->negative ? t->n : 0);
  double half = M_PI_2 * (double)l / (double)t->n, wave = t->negative ? cos(half) : sin(half);
  double h = critical ? 0 : wave * wave;
  int past = critical && t->root.v < 0; // beyond the transition
  jet root = scale(t->root, past ? -1 : 1), uh = scale(t->u, 2 * h);
  if (!critical) root = square_root(multiply(add(multiply(t->root, t->root), uh), shift(uh, 1)));
  jet rho = shift(add(scale(t->u, 2 * h - 1), root), 1);
  jet q = scale(power(multiply(t->u, inverse(rho)), t->m), t->odd); // q^m with its sign
  jet plus = shift(q, 1), minus = shift(scale(q, -1), 1);
  jet grows = scale(logarithm(rho), t->m / 2);
  collect(cosh_product, grows, times);
  collect(sinh_product, grows, times);
  if (critical) {
    cosh_product->factor = scale(plus, past ? t->odd : 1);
    sinh_product->factor = scale(minus, past ? -t->odd : 1);
  } else {
    collect(cosh_product, logarithm(plus), times);
    collect(sinh_product, logarithm(minus), times);
  }
}

/// The products over φ = πl/n, l = parity, parity + 2, … < 2n; φ and 2π - φ have the same factors.
static void multiply_out(const torus *t, uint64_t parity, product *cosh_product, product *sinh_product) {
  const product one = {.factor = {1, 0, 0}};
  *cosh_product = *sinh_product = one;
  for (uint64_t l = parity; l <= t->n; l += 2)
    add_factors(t, l, l == 0 || l == t->n ? 1 : 2, cosh_product, sinh_product);
}

kaufman kaufman_torus(uint64_t rows, uint64_t columns, double coupling) {
  const uint64_t n = rows < columns ? rows : columns, m = rows < columns ? columns : rows;
  const kaufman unknown = {NAN, NAN, NAN, NAN};
  if (n == 0 || n > KAUFMAN_MOST || !isfinite(coupling)) return unknown;
  const double k = fabs(coupling), sites = (double)n * (double)m;
  const double s = 1 / cosh(2 * k), t = tanh(2 * k);
  const jet sech = {s, -2 * s * t, 4 * s * (t * t - s * s)}, tangent = {t, 2 * s * s, -8 * s * s * t};
  torus where = {n,
                 (double)m,
                 coupling < 0,
                 coupling < 0 && m % 2 ? -1 : 1,
                 multiply(sech, tangent),
                 add(sech, scale(tangent, -1))};

  product products[4];
  multiply_out(&where, 1, &products[0], &products[1]);
  multiply_out(&where, 0, &products[2], &products[3]);
  products[3].factor = scale(products[3].factor, -1); // sinh(mγ/2) at φ = 0 is negative at small K

  // The sum of the products relative to exp(v + d·δ) of the first, δ = K - K₀: derivatives of size N cancel before they
  // are squared.
  jet sum = {0, 0, 0};
  double sizes = 0;
  for (int i = 0; i < 4; i++) {
    const product *p = &products[i];
    double weight = (double)expl(p->v - products[0].v), d = (double)(p->d - products[0].d);
    if (weight > 0) sum = add(sum, scale(multiply(p->factor, (jet){1, d, (double)p->dd + d * d}), weight));
    sizes += weight * fabs(p->factor.v);
  }
  if (sum.v < LEAST_SUM * sizes) return unknown;
  double ratio = sum.d / sum.v, first = (double)products[0].d + ratio, second = sum.dd / sum.v - ratio * ratio;

  // Together with ½ (2 cosh²2K)^(nm/2).
  double log_cosh = 2 * k + log1p(exp(-4 * k)) - M_LN2;
  kaufman result;
  result.ln_z = log_cosh + M_LN2 / 2 + ((double)products[0].v + log(sum.v) - M_LN2) / sites;
  result.energy = -(2 * t + first / sites) * (coupling < 0 ? -1 : 1);
  result.variance = sites > 1 ? 4 * s * s + second / sites : 0; // one site has one energy
  result.heat_capacity = coupling * coupling * result.variance;
  return result;
}
