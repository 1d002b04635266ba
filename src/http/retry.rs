//! Which failures another try may follow, and when.

use std::time::Duration;

use crate::http::error::Fault;

/// First and longest wait before another try.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Which failures another try may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// A read: whatever may go away.
    Read,
    /// A login: only where the server has surely not looked at it, since a try may use up a secret id.
    Login,
    /// None.
    Never,
    /// None, and a little time of its own: giving back a token when the deadline has passed.
    Farewell,
}

/// Whether another try may help, and does no harm.
pub(super) fn may_retry(fault: &Fault, retry: Retry) -> bool {
    match retry {
        Retry::Never | Retry::Farewell => false,
        Retry::Login => matches!(
            fault,
            Fault::Refused(_) | Fault::Unreachable(..) | Fault::RateLimited(..) | Fault::Sealed(_)
        ),
        Retry::Read => matches!(
            fault,
            Fault::Refused(_)
                | Fault::Unreachable(..)
                | Fault::Broken(_)
                | Fault::RateLimited(..)
                | Fault::Sealed(_)
                | Fault::Server(..)
        ),
    }
}

/// Full jitter: anything up to the doubled wait, so that many runs do not come back at once.
pub(super) fn backoff(tries: u32) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let longest = BACKOFF.0.saturating_mul(1 << tries.min(8)).min(BACKOFF.1);
    let random = RandomState::new().hash_one(tries);
    #[expect(clippy::cast_precision_loss, reason = "a wait need not be exact")]
    let part = random as f64 / u64::MAX as f64;
    longest.mul_f64(part)
}
