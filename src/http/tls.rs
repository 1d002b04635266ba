//! Whom we trust, and how we prove ourselves: rustls with ring, built when the first https connection
//! is made.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::credential_file::read;
use super::error::Fault;
use crate::vault::settings::{Authorities, Tls};

/// The TLS configuration of the settings.
///
/// # Errors
/// [`Fault::Setting`] for a file that cannot be read or holds nothing of use.
pub fn config(tls: &Tls) -> Result<ClientConfig, Fault> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut verifier = verifier(tls, &provider)?;
    if let Some(name) = &tls.server_name {
        let name = ServerName::try_from(name.clone())
            .map_err(|_| Fault::Setting("VAULT_TLS_SERVER_NAME is no host name".to_owned()))?;
        verifier = Arc::new(Renamed { verifier, name });
    }
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Fault::Setting("TLS 1.2 and 1.3 are not available".to_owned()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some((certificate, key)) = &tls.identity else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(
        &read("VAULT_CLIENT_CERT", certificate)?,
        "VAULT_CLIENT_CERT",
    )?;
    let key = PrivateKeyDer::from_pem_slice(&read("VAULT_CLIENT_KEY", key)?)
        .map_err(|_| Fault::Setting("VAULT_CLIENT_KEY holds no private key in PEM".to_owned()))?;
    builder.with_client_auth_cert(chain, key).map_err(|_| {
        Fault::Setting("VAULT_CLIENT_CERT and VAULT_CLIENT_KEY do not belong together".to_owned())
    })
}

fn verifier(
    tls: &Tls,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Fault> {
    if tls.skip_verify {
        return Ok(Arc::new(Anyone(Arc::clone(provider))));
    }
    let fixed = (tls.fixed_places && tls.authorities.is_none())
        .then(system_bundle)
        .transpose()?;
    let Some(authorities) = tls.authorities.as_ref().or(fixed.as_ref()) else {
        let system = rustls_platform_verifier::Verifier::new(Arc::clone(provider))
            .map_err(|_| Fault::Setting("the system's certificate authorities cannot be read; name some in VAULT_CACERT".to_owned()))?;
        return Ok(Arc::new(system));
    };
    let mut roots = RootCertStore::empty();
    for certificate in named(authorities)? {
        // one that is no authority is no reason to refuse the others
        let _ = roots.add(certificate);
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
        .map_err(|_| {
            Fault::Setting(format!(
                "{} names no certificate authority",
                setting(authorities)
            ))
        })
}

/// Where systems keep the authorities that they trust: Debian and Alpine, Red Hat, SUSE, macOS.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The system's authorities, whatever the environment says of them.
fn system_bundle() -> Result<Authorities, Fault> {
    let found = BUNDLES.iter().find(|path| Path::new(path).is_file());
    found
        .map(|path| Authorities::File(path.into()))
        .ok_or_else(|| {
            Fault::Setting(format!(
                "no certificate authorities are at {}; the policy can name some in spec.vault.caFile",
                BUNDLES.join(", ")
            ))
        })
}

fn setting(authorities: &Authorities) -> &'static str {
    match authorities {
        Authorities::Bytes(_) => "VAULT_CACERT_BYTES",
        Authorities::File(_) => "VAULT_CACERT",
        Authorities::Folder(_) => "VAULT_CAPATH",
    }
}

fn named(authorities: &Authorities) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let setting = setting(authorities);
    match authorities {
        Authorities::Bytes(text) => certificates(text.as_bytes(), setting),
        Authorities::File(path) => certificates(&read(setting, path)?, setting),
        Authorities::Folder(path) => {
            let unreadable =
                |_| Fault::Setting(format!("{setting} cannot be read: {}", path.display()));
            let mut found = Vec::new();
            for entry in fs::read_dir(path).map_err(unreadable)? {
                let file = entry.map_err(unreadable)?.path();
                if file.is_file() {
                    found.extend(certificates(&read(setting, &file)?, setting).unwrap_or_default());
                }
            }
            Ok(found)
        }
    }
}

fn certificates(pem: &[u8], setting: &str) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| Fault::Setting(format!("{setting} holds no certificate in PEM")))
}

/// Checks the certificate against a name of the operator's instead of the address's.
#[derive(Debug)]
struct Renamed {
    verifier: Arc<dyn ServerCertVerifier>,
    name: ServerName<'static>,
}

/// Accepts any certificate (`VAULT_SKIP_VERIFY`), but still checks signatures made with it.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Renamed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier
            .verify_server_cert(end_entity, intermediates, &self.name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
