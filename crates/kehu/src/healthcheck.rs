//! `kehu healthcheck`: asks /readyz of the server on this machine, for containers that have no other program.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use kehu_http::tls::certificates;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use crate::Failed;
use crate::config::Listen;

/// How long the server may take.
const DEADLINE: Duration = Duration::from_secs(2);

/// Asks; an error unless the answer is 200.
pub(crate) fn run(listen: &Listen) -> Result<(), Failed> {
    let address = reachable(listen.listen);
    let cert = listen.tls()?.map(|(cert, _)| cert);
    Ok(ask(address, cert).with_context(|| format!("{address} is not ready"))?)
}

fn ask(address: SocketAddr, cert: Option<&Path>) -> anyhow::Result<()> {
    let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    let status = match cert {
        None => status(stream, address)?,
        Some(cert) => {
            let client = ClientConnection::new(Arc::new(client(cert)?), ServerName::from(address.ip()))?;
            status(StreamOwned::new(client, stream), address)?
        }
    };
    if status == "200" { Ok(()) } else { bail!("it answered {status}") }
}

/// The status code of the answer to one request.
fn status(mut stream: impl Read + Write, address: SocketAddr) -> anyhow::Result<String> {
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut start = [0_u8; 12];
    stream.read_exact(&mut start)?;
    let start = String::from_utf8_lossy(&start).into_owned();
    Ok(start.strip_prefix("HTTP/1.1 ").context("it does not speak HTTP")?.to_owned())
}

/// Listening on all addresses is listening on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// A client that trusts exactly the certificate that the server was given: its names are not loopback's.
fn client(cert: &Path) -> anyhow::Result<ClientConfig> {
    let leaf = certificates(cert)?.into_iter().next().context("no certificate")?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Exactly { leaf, provider: Arc::clone(&provider) });
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

#[derive(Debug)]
struct Exactly {
    leaf: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Exactly {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.leaf {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("it shows another certificate".to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_asked_on_loopback() {
        let asked = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(asked("[::]:8080"), "[::1]:8080");
        assert_eq!(asked("10.0.0.1:80"), "10.0.0.1:80");
    }
}
