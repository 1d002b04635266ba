//! TLS: which servers are trusted, and the client certificate. It is rustls with ring, set up for the first connection.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use zeroize::Zeroizing;

use super::credential_file;
use super::error::{OptionName, OptionsError};
use super::options::{Authorities, Tls};

/// Makes the TLS configuration of a connection.
///
/// # Errors
/// An [`OptionsError`] for a file that cannot be read or holds no usable certificate or key.
pub(super) fn config(tls: &Tls) -> Result<ClientConfig, OptionsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut verifier = verifier(tls, &provider)?;
    if let Some(name) = &tls.server_name {
        let name = ServerName::try_from(name.clone())
            .map_err(|_| unusable(OptionName::ServerName, "is not a host name"))?;
        verifier = Arc::new(Renamed { verifier, name });
    }
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| OptionsError::NoTlsVersion)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some((certificate, key)) = &tls.identity else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(
        OptionName::ClientCertificate,
        &read(OptionName::ClientCertificate, certificate)?,
    )?;
    let key = PrivateKeyDer::from_pem_slice(&read(OptionName::ClientKey, key)?)
        .map_err(|_| unusable(OptionName::ClientKey, "holds no private key in PEM"))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|_| OptionsError::KeyMismatch)
}

fn unusable(option: OptionName, problem: &str) -> OptionsError {
    OptionsError::Unusable(option, problem.to_owned())
}

fn read(option: OptionName, path: &Path) -> Result<Zeroizing<Vec<u8>>, OptionsError> {
    credential_file::read(path)
        .map_err(|error| unusable(option, &format!("{error}: {}", path.display())))
}

fn verifier(
    tls: &Tls,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, OptionsError> {
    if tls.skip_verify {
        return Ok(Arc::new(Anyone(Arc::clone(provider))));
    }
    let fixed = (tls.fixed_places && tls.authorities.is_none())
        .then(system_bundle)
        .transpose()?;
    let Some(authorities) = tls.authorities.as_ref().or(fixed.as_ref()) else {
        let system = rustls_platform_verifier::Verifier::new(Arc::clone(provider))
            .map_err(|_| OptionsError::SystemAuthorities)?;
        return Ok(Arc::new(system));
    };
    let mut roots = RootCertStore::empty();
    for certificate in read_authorities(authorities)? {
        // a certificate that cannot be used as an authority is skipped
        let _ = roots.add(certificate);
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
        .map_err(|_| unusable(name(authorities), "names no certificate authority"))
}

/// The files in which systems keep trusted certificate authorities: Debian and Alpine, Red Hat, SUSE, macOS.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Reads the system's certificate authorities, ignoring `SSL_CERT_FILE` and `SSL_CERT_DIR`.
fn system_bundle() -> Result<Authorities, OptionsError> {
    let found = BUNDLES.iter().find(|path| Path::new(path).is_file());
    found
        .map(|path| Authorities::File(path.into()))
        .ok_or_else(|| OptionsError::NoSystemAuthorities(BUNDLES.join(", ")))
}

fn name(authorities: &Authorities) -> OptionName {
    match authorities {
        Authorities::Bytes(_) => OptionName::AuthoritiesText,
        Authorities::File(_) => OptionName::AuthoritiesFile,
        Authorities::Folder(_) => OptionName::AuthoritiesFolder,
    }
}

fn read_authorities(
    authorities: &Authorities,
) -> Result<Vec<CertificateDer<'static>>, OptionsError> {
    let option = name(authorities);
    match authorities {
        Authorities::Bytes(text) => certificates(option, text.as_bytes()),
        Authorities::File(path) => certificates(option, &read(option, path)?),
        Authorities::Folder(path) => {
            let unreadable = |_| unusable(option, &format!("cannot be read: {}", path.display()));
            let mut found = Vec::new();
            for entry in fs::read_dir(path).map_err(unreadable)? {
                let file = entry.map_err(unreadable)?.path();
                if file.is_file() {
                    found.extend(certificates(option, &read(option, &file)?).unwrap_or_default());
                }
            }
            Ok(found)
        }
    }
}

fn certificates(
    option: OptionName,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, OptionsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| unusable(option, "holds no certificate in PEM"))
}

/// A verifier that expects a given name in the certificate instead of the address's host.
#[derive(Debug)]
struct Renamed {
    verifier: Arc<dyn ServerCertVerifier>,
    name: ServerName<'static>,
}

/// A verifier that accepts any certificate, but checks the signatures made with it.
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
