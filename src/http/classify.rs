//! Finds the cause of an error of the HTTP library.

use std::error::Error as _;

use crate::http::error::HttpError;

/// Maps an error of the HTTP library to its cause. Its text is dropped, since it may quote secrets; `host` is how
/// messages name the server.
pub(super) fn classify(error: &reqwest::Error, host: &str) -> HttpError {
    let host = host.to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            if let Some(tls) = tls_error(error) {
                return of_tls(tls, host);
            }
            if error.kind() == std::io::ErrorKind::ConnectionRefused {
                return HttpError::Refused(host);
            }
        }
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return of_tls(tls, host);
        }
        if error.to_string() == "dns error" {
            return HttpError::UnknownHost(host);
        }
        cause = error.source();
    }
    HttpError::Broken(host)
}

/// The TLS error in an I/O error, however often it is wrapped.
fn tls_error(error: &std::io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner
        .downcast_ref::<rustls::Error>()
        .or_else(|| tls_error(inner.downcast_ref::<std::io::Error>()?))
}

fn of_tls(error: &rustls::Error, host: String) -> HttpError {
    use rustls::{AlertDescription as Alert, CertificateError as Certificate};
    match error {
        rustls::Error::InvalidCertificate(Certificate::UnknownIssuer) => {
            HttpError::UnknownAuthority(host)
        }
        rustls::Error::InvalidCertificate(reason) => {
            let reason = match reason {
                Certificate::Expired | Certificate::ExpiredContext { .. } => "it has expired",
                Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                    "it is not valid yet"
                }
                Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                    "it is for another host"
                }
                Certificate::Revoked => "it has been revoked",
                _ => return HttpError::UnknownAuthority(host),
            };
            HttpError::Certificate(host, reason)
        }
        // TLS 1.3 has a separate alert for a missing client certificate, TLS 1.2 does not
        rustls::Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied,
        ) => HttpError::ClientCertificate(host),
        _ => HttpError::Tls(host),
    }
}
