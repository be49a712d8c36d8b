//! Distribution functions that keep their relative accuracy in the far tails.
//!
//! A p-value of 1e-40 is as good a number as one of 0.04, so every tail here is computed as itself: never as one minus
//! the other tail, which is exactly zero from about eight standard errors on. Each tail also exists as a natural
//! logarithm, for the evidence that lies below the smallest positive `f64`.
//!
//! The reference values are of 50 digits; the functions agree with them to 1e-10 or better, relatively.

mod beta;
mod binomial;
mod chi_squared;
mod erf;
mod gamma;
mod gauss_legendre;
mod noncentral_t;
mod normal;
mod quadrature;
mod root;
mod student_t;
mod tails;

pub use beta::{beta_cdf, beta_ppf, beta_tails, ln_beta};
pub use binomial::{binomial_cdf, binomial_ppf, binomial_tails};
pub use chi_squared::{chi2_ln_sf, chi2_sf, gamma_tails};
pub use gamma::ln_gamma;
pub use noncentral_t::noncentral_t_sf;
pub use normal::{norm_cdf, norm_isf, norm_ln_sf, norm_pdf, norm_ppf, norm_sf};
pub use student_t::{t_isf, t_ln_sf, t_sf};
pub use tails::Tails;

pub(crate) use beta::ln_beta_kernel;
pub(crate) use gamma::{deviance, stirling_error};
pub(crate) use gauss_legendre::{MOST_NODES, gauss_legendre};
pub(crate) use normal::mills_ratio;
pub(crate) use quadrature::{integrate, panel};
pub(crate) use root::{bisect, find_root, find_root_between};

/// Positive and finite: what the parameters of the distributions must be.
fn usable(parameter: f64) -> bool {
    parameter > 0.0 && parameter.is_finite()
}
