// rg_spectrum.h — the linearised RG transformation T out of covariances of coarse and fine operators, and its
// eigenvalues (R. H. Swendsen, Phys. Rev. Lett. 42, 859, 1979): T = ⟨S'S'⟩_c⁻¹ ⟨S'S⟩_c, S' on the coarse lattice, S
// on the fine one. Where operators depend on each other ⟨S'S'⟩_c has no inverse, and a pseudo-inverse takes its
// place. GSL's error handler must be off.
#ifndef PLUGINS_ESTIMATE_RG_SPECTRUM_H
#define PLUGINS_ESTIMATE_RG_SPECTRUM_H

#include <stdint.h>

typedef struct rg_spectrum rg_spectrum;

/// Room for n operators. NULL: out of memory. Not thread-safe.
rg_spectrum *rg_spectrum_new(uint32_t n);
void rg_spectrum_free(rg_spectrum *s); ///< NULL is allowed
uint64_t rg_spectrum_bytes(uint32_t n);

/// An eigenvalue of T.
typedef struct rg_eigenvalue {
  double real, imaginary;
} rg_eigenvalue;

/// Solves for the first n of `size` operators, n being that of rg_spectrum_new: `coarse` and `mixed` are ⟨S'S'⟩_c and
/// ⟨S'S⟩_c, size×size, a row for each coarse operator. ⟨S'S'⟩_c is scaled to a unit diagonal. Operators are left out
/// whose variance beyond what earlier ones explain is below `cutoff`; then eigenvectors of ⟨S'S'⟩_c with eigenvalues
/// below `cutoff` times the largest are dropped, and T acts in the space of the others. 0, or -1: covariances that
/// are not finite, no convergence, or out of memory.
int rg_spectrum_solve(rg_spectrum *s, const double *coarse, const double *mixed, uint32_t size, double cutoff);

// What was found by the last rg_spectrum_solve that returned 0.

uint32_t rg_spectrum_rank(const rg_spectrum *s);    ///< directions kept
double rg_spectrum_condition(const rg_spectrum *s); ///< largest over smallest eigenvalue kept; NaN when there is none

/// Eigenvalue i of T, by falling modulus, of a complex pair the upper one first; NaN for i ≥ rank.
rg_eigenvalue rg_spectrum_value(const rg_spectrum *s, uint32_t i);

/// The same as one number: the eigenvalue where it is real, its modulus where it is one of a complex pair.
double rg_spectrum_size(const rg_spectrum *s, uint32_t i);

/// T in the caller's operators, n×n, a row for each coarse operator.
void rg_spectrum_matrix(const rg_spectrum *s, double *matrix);

/// Derivatives of rg_spectrum_size(s, i) by the elements of ⟨S'S'⟩_c and ⟨S'S⟩_c, n×n each, as if all were independent:
/// with left and right eigenvectors u and v of the eigenvalue, dλ = u·(d⟨S'S⟩_c - λ d⟨S'S'⟩_c)·v / u·⟨S'S'⟩_c·v, which
/// is u·dT·v / u·v in the eigenvectors of T (first-order perturbation theory, e.g. J. H. Wilkinson, The Algebraic
/// Eigenvalue Problem, Oxford 1965, ch. 2). Zero for i ≥ rank; not finite, or huge, where eigenvalues coincide. 0, or
/// -1: out of memory, or no eigenvectors found.
int rg_spectrum_derivatives(const rg_spectrum *s, uint32_t i, double *by_coarse, double *by_mixed);

#endif
