//! What an error of the HTTP client comes from.

use std::error::Error as _;

use crate::http::error::Fault;

/// What an HTTP error comes from; nothing of its text is kept.
pub(crate) fn classify(error: &reqwest::Error, host: &str) -> Fault {
    let host = host.to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            if let Some(tls) = tls_error(error) {
                return tls_fault(tls, host);
            }
            if error.kind() == std::io::ErrorKind::ConnectionRefused {
                return Fault::Refused(host);
            }
        }
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return tls_fault(tls, host);
        }
        if error.to_string() == "dns error" {
            return Fault::Name(host);
        }
        cause = error.source();
    }
    Fault::Broken(host)
}

/// The TLS error in an I/O error, however often it is wrapped.
fn tls_error(error: &std::io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner
        .downcast_ref::<rustls::Error>()
        .or_else(|| tls_error(inner.downcast_ref::<std::io::Error>()?))
}

fn tls_fault(error: &rustls::Error, host: String) -> Fault {
    use rustls::{AlertDescription as Alert, CertificateError as Certificate};
    match error {
        rustls::Error::InvalidCertificate(Certificate::UnknownIssuer) => Fault::Authority(host),
        rustls::Error::InvalidCertificate(reason) => {
            let reason = match reason {
                Certificate::Expired | Certificate::ExpiredContext { .. } => "it has expired",
                Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                    "it is not valid yet"
                }
                Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                    "it names other hosts"
                }
                Certificate::Revoked => "it is revoked",
                _ => return Fault::Authority(host),
            };
            Fault::Certificate(host, reason)
        }
        // TLS 1.3 has a word of its own for it, TLS 1.2 has not
        rustls::Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied,
        ) => Fault::Identity(host),
        _ => Fault::Tls(host),
    }
}
