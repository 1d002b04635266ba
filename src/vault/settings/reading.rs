//! Settings about reading secrets.

use std::time::Duration;

use crate::clock;
use crate::secret::KvVersion;
use crate::vault::setting::lookup::Lookup;
use crate::vault::setting::problem::{BadValue, Problem};
use crate::vault::setting::{About, NOT_IN_AVP, Setting, Text::Is, Text::Made, UnderPolicy, value};

/// The settings in the order of the reference page.
pub(crate) static SECTION: &[&About] = &[
    &KV_V1_MOUNTS.about,
    &KV_V2_MOUNTS.about,
    &KV_VERSION.about,
    &TIMEOUT.about,
    &CLIENT_TIMEOUT.about,
    &MAX_BODY.about,
];

/// The default for the largest answer, in bytes: 4 MiB.
const BODY_LIMIT: usize = 4 << 20;

pub(crate) static KV_V1_MOUNTS: Setting<Vec<String>> = Setting {
    about: About {
        name: "GITOPS_FN_KV_V1_MOUNTS",
        field: Some("spec.mounts"),
        meaning: Is("Comma list of mounts that are KV v1."),
        differs: NOT_IN_AVP,
        ..About::NOTHING
    },
    parse: mounts,
};
pub(crate) static KV_V2_MOUNTS: Setting<Vec<String>> = Setting {
    about: About {
        name: "GITOPS_FN_KV_V2_MOUNTS",
        field: Some("spec.mounts"),
        meaning: Is(
            "Comma list of mounts that are KV v2. Nothing is asked of the server about them, unless a read fails.",
        ),
        differs: NOT_IN_AVP,
        ..About::NOTHING
    },
    parse: mounts,
};
pub(crate) static KV_VERSION: Setting<KvVersion> = Setting {
    about: About {
        name: "AVP_KV_VERSION",
        default: Is("asked of the server"),
        meaning: Is("`1` or `2`: the version of mounts whose version the server does not tell."),
        differs: "AVP asks nobody, and takes 2 where it is unset.",
        ..About::NOTHING
    },
    parse: kv_version,
};
pub(crate) static TIMEOUT: Setting<Duration> = Setting {
    about: About {
        name: "GITOPS_FN_TIMEOUT",
        field: Some("spec.limits.deadline"),
        under_policy: UnderPolicy::Shortens,
        default: Made(|| format!("`{:?}`", clock::DEADLINE)),
        meaning: Is(
            "How long a run may take with all logins, reads and repetitions: seconds, or `1m30s`.",
        ),
        differs: "AVP has a limit for each call alone.",
        help: Some(Made(|| {
            format!("how long a run may take ({:?})", clock::DEADLINE)
        })),
        ..About::NOTHING
    },
    parse: value::duration,
};
pub(crate) static CLIENT_TIMEOUT: Setting<Duration> = Setting {
    about: About {
        name: "VAULT_CLIENT_TIMEOUT",
        under_policy: UnderPolicy::Shortens,
        meaning: Is("The same, where `GITOPS_FN_TIMEOUT` is unset."),
        differs: "AVP: for each call, 60 s.",
        ..About::NOTHING
    },
    parse: value::duration,
};
pub(crate) static MAX_BODY: Setting<usize> = Setting {
    about: About {
        name: "GITOPS_FN_MAX_BODY",
        default: Made(|| format!("`{BODY_LIMIT}`")),
        meaning: Is("The longest answer that is read, in bytes."),
        differs: "AVP reads any.",
        ..About::NOTHING
    },
    parse: value::size,
};

fn mounts(text: &str) -> Result<Vec<String>, BadValue> {
    value::list(text, value::segments)
}

fn kv_version(text: &str) -> Result<KvVersion, BadValue> {
    match text.trim() {
        "1" => Ok(KvVersion::V1),
        "2" => Ok(KvVersion::V2),
        _ => Err(BadValue {
            fact: "is neither 1 nor 2",
            help: "set it to 1 or 2, or unset it: the version is asked of the server".into(),
        }),
    }
}

/// How secrets are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The mounts that the operator has set as KV v1, without outer slashes.
    pub(crate) kv_v1_mounts: Vec<String>,
    /// The mounts that the operator has set as KV v2, without outer slashes.
    pub(crate) kv_v2_mounts: Vec<String>,
    /// The KV version of mounts that the server does not reveal.
    pub(crate) kv_version: Option<KvVersion>,
    /// How long a run may take.
    pub(crate) deadline: Duration,
    /// The largest answer that is read, in bytes.
    pub(crate) body_limit: usize,
}

impl Reading {
    pub(super) fn read(look: &mut Lookup<'_>) -> Self {
        let kv_v1_mounts = look.value(&KV_V1_MOUNTS).unwrap_or_default();
        let kv_v2_mounts = look.value(&KV_V2_MOUNTS).unwrap_or_default();
        if kv_v1_mounts
            .iter()
            .any(|mount| kv_v2_mounts.contains(mount))
        {
            let v1 = look.names().of(&KV_V1_MOUNTS);
            let v2 = look.names().of(&KV_V2_MOUNTS);
            look.problem(Problem::MountOfBothVersions(v1, v2));
        }
        Self {
            kv_v1_mounts,
            kv_v2_mounts,
            kv_version: look.value(&KV_VERSION),
            deadline: read_deadline(look),
            body_limit: look.value(&MAX_BODY).unwrap_or(BODY_LIMIT),
        }
    }
}

/// How long a run may take: the setting of the environment or else the default; under a policy, at most its deadline.
pub(crate) fn read_deadline(look: &mut Lookup<'_>) -> Duration {
    let setting = if look.is_set(&TIMEOUT).is_some() {
        &TIMEOUT
    } else {
        &CLIENT_TIMEOUT
    };
    let longest = look.vars().policy.as_ref().map(|policy| policy.deadline);
    match (look.value(setting), longest) {
        (Some(asked), Some(longest)) => asked.min(longest),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => clock::DEADLINE,
    }
}
