//! The sizes of responses.

use fastrand::Rng;

/// The distribution of the sizes of responses. The size of a response depends on its key alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// All responses have a body of 1 KiB.
    Fixed,
    /// Files of a web server, from SURGE: P. Barford and M. Crovella, "Generating Representative
    /// Web Workloads for Network and Server Performance Evaluation", SIGMETRICS 1998, table 1.
    ///
    /// The body of the distribution is lognormal (μ = 9.357, σ = 1.318). The tail is a Pareto
    /// distribution (k = 133,000, α = 1.1) with 7 % of the files. A response is at most as large
    /// as the default limit of a policy.
    HeavyTailed,
}

/// The size in memory of a response without its body: the key and the header fields.
const HEAD: u64 = 1024;
/// The default of `Policy::max_body`.
const MAX_BODY: f64 = 1024.0 * 1024.0;

const MU: f64 = 9.357;
const SIGMA: f64 = 1.318;
const TAIL: f64 = 0.07;
const TAIL_START: f64 = 133_000.0;
const TAIL_EXPONENT: f64 = 1.1;

impl Sizes {
    /// Returns the size in memory of the response under this key.
    #[must_use]
    pub fn bytes(self, key: u64) -> u64 {
        match self {
            Self::Fixed => HEAD + 1024,
            Self::HeavyTailed => HEAD + heavy_tailed(key),
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 1 and 1 MiB")]
fn heavy_tailed(key: u64) -> u64 {
    let mut random = Rng::with_seed(key.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let body = if random.f64() < TAIL {
        TAIL_START / (1.0 - random.f64()).powf(1.0 / TAIL_EXPONENT)
    } else {
        (MU + SIGMA * normal(&mut random)).exp()
    };
    body.clamp(1.0, MAX_BODY) as u64
}

/// Returns a number with the standard normal distribution (Box and Muller, 1958).
fn normal(random: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.f64()).cos()
}
