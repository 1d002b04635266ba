//! Decides after which failures a request is sent again, and when.

use std::time::Duration;

use crate::http::error::HttpError;

/// The limit of a wait is the first value, doubled with each attempt, but at most the second value.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// After which failures a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// After any transient failure: the request changes nothing.
    Always,
    /// Only if the server has certainly not processed the request, which may use up a credential that works only once.
    Unprocessed,
    /// Never.
    Never,
}

/// Whether another attempt after `error` may succeed and does no harm.
pub(super) fn may_retry(error: &HttpError, retry: Retry) -> bool {
    let unprocessed = matches!(
        error,
        HttpError::Refused(_)
            | HttpError::Unreachable(..)
            | HttpError::RateLimited(..)
            | HttpError::Unavailable(_)
    );
    match retry {
        Retry::Never => false,
        Retry::Unprocessed => unprocessed,
        Retry::Always => {
            unprocessed || matches!(error, HttpError::Broken(_) | HttpError::Status(..))
        }
    }
}

/// A random wait up to a limit that doubles with each attempt ("full jitter"), so that runs that failed at the same
/// time do not all retry at the same time.
pub(super) fn backoff(attempts: u32) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let longest = BACKOFF
        .0
        .saturating_mul(1 << attempts.min(8))
        .min(BACKOFF.1);
    let random = RandomState::new().hash_one(attempts);
    #[expect(clippy::cast_precision_loss, reason = "a wait need not be exact")]
    let part = random as f64 / u64::MAX as f64;
    longest.mul_f64(part)
}
