//! Requests that the program makes of others: only where somebody configured it, only to where they may go, for a short
//! time, and with a small answer.
//!
//! A target is `https`. Its name is resolved once, every address that it has must be public, and the connection goes to
//! one of these, so that a name that changes its mind in between leads nowhere else. No redirect is followed and no
//! proxy of the environment is used. A switch of the configuration allows addresses of the intranet, and `http` on
//! loopback, for tests and for providers of one's own.

mod public;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde::de::DeserializeOwned;
use url::{Host, Url};

pub use public::is_public;

/// How long a request may take as a whole.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long connecting may take.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const ANSWER_MAX: usize = 256 * 1024;
/// The longest address, in bytes.
const ADDRESS_MAX: usize = 2048;

/// Where requests may go. Cloning is cheap.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing {
    private: bool,
}

/// An address that a request may be sent to, as far as it says itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(Url);

/// Why an address is no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// It is no address, or has a user, a password or a fragment in it.
    #[error("it is no plain address of a server")]
    Malformed,
    /// It is not `https`.
    #[error("it is not https")]
    NotHttps,
    /// It names an address of loopback or of an intranet.
    #[error("it is not public")]
    NotPublic,
}

/// Why there is no answer. Its text names no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The name leads to no address, or to one that is not public.
    #[error("the name does not lead to a public address")]
    Unresolved,
    /// No connection, no TLS, no answer in time.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// The answer is too long, or is not what was asked for.
    #[error("the answer cannot be used: {0}")]
    Unusable(&'static str),
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// [`Unanswered::Unusable`] unless the status is 200 and the body what is asked for.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Unanswered> {
        if self.status != 200 {
            return Err(Unanswered::Unusable("its status is not 200"));
        }
        serde_json::from_slice(&self.body).map_err(|_| Unanswered::Unusable("it is not the JSON that is needed"))
    }
}

/// Says who asks, when a server wants that.
pub struct Basic<'a> {
    /// The name.
    pub user: &'a str,
    /// The secret.
    pub password: &'a str,
}

impl Outgoing {
    /// Requests of a program; `private` allows addresses that are not public, and `http` on loopback.
    #[must_use]
    pub fn new(private: bool) -> Self {
        // The one that TLS at the door uses too; a second call finds it in place.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { private }
    }

    /// Reads an address. Where its name leads is looked at when a request is sent.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn target(self, address: &str) -> Result<Target, BadTarget> {
        let plain = |url: &Url| url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let url = Url::parse(address).ok().filter(|_| address.len() <= ADDRESS_MAX).filter(plain);
        let url = url.ok_or(BadTarget::Malformed)?;
        let host = url.host().ok_or(BadTarget::Malformed)?;
        let (literal, local) = match host {
            Host::Domain(name) => (None, name == "localhost"),
            Host::Ipv4(ip) => (Some(IpAddr::V4(ip)), ip.is_loopback()),
            Host::Ipv6(ip) => (Some(IpAddr::V6(ip)), ip.is_loopback()),
        };
        match url.scheme() {
            "https" => {}
            "http" if self.private && local => {}
            _ => return Err(BadTarget::NotHttps),
        }
        if !self.private && literal.is_some_and(|ip| !is_public(ip)) {
            return Err(BadTarget::NotPublic);
        }
        Ok(Target(url))
    }

    /// GET, of JSON.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn get(self, target: &Target, bearer: Option<&str>) -> Result<Answer, Unanswered> {
        let request = self.request(Method::GET, target).await?;
        let request = match bearer {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        answer(request).await
    }

    /// POST of a form.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn post_form(
        self,
        target: &Target,
        basic: Option<Basic<'_>>,
        pairs: &[(&str, &str)],
    ) -> Result<Answer, Unanswered> {
        let body = form(pairs);
        let request = self.request(Method::POST, target).await?;
        let request = match basic {
            // RFC 6749, 2.3.1: both are form-encoded first.
            Some(Basic { user, password }) => request.basic_auth(escaped(user), Some(escaped(password))),
            None => request,
        };
        answer(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)).await
    }

    async fn request(self, method: Method, target: &Target) -> Result<RequestBuilder, Unanswered> {
        let address = self.resolved(&target.0).await?;
        // A client of its own for each request: it knows the one name and the one address, and keeps no connection, which
        // would belong to the thread that opened it.
        let mut client = Client::builder()
            .user_agent(concat!("kehu/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .timeout(DEADLINE)
            .connect_timeout(CONNECT_DEADLINE)
            .pool_max_idle_per_host(0)
            .https_only(target.0.scheme() == "https");
        if let Some(Host::Domain(name)) = target.0.host() {
            client = client.resolve(name, address);
        }
        let client = client.build().map_err(|error| unreachable(&error))?;
        Ok(client.request(method, target.0.clone()).header(ACCEPT, "application/json"))
    }

    /// The address that the connection goes to.
    async fn resolved(self, url: &Url) -> Result<SocketAddr, Unanswered> {
        let port = url.port_or_known_default().ok_or(Unanswered::Unresolved)?;
        let found: Vec<SocketAddr> = match url.host().ok_or(Unanswered::Unresolved)? {
            Host::Ipv4(ip) => vec![(ip, port).into()],
            Host::Ipv6(ip) => vec![(ip, port).into()],
            Host::Domain(name) => {
                let found = tokio::time::timeout(CONNECT_DEADLINE, tokio::net::lookup_host((name, port))).await;
                found.map_err(|_| Unanswered::Unresolved)?.map_err(|_| Unanswered::Unresolved)?.collect()
            }
        };
        let secure = url.scheme() == "https";
        let may =
            |address: &SocketAddr| is_public(address.ip()) || self.private && (secure || address.ip().is_loopback());
        // One that is not public among others is a trick or a mistake.
        if found.iter().all(may) {
            found.first().copied().ok_or(Unanswered::Unresolved)
        } else {
            Err(Unanswered::Unresolved)
        }
    }
}

impl Target {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The address with more parameters.
    #[must_use]
    pub fn with_parameters(&self, pairs: &[(&str, &str)]) -> String {
        let mut url = self.0.clone();
        url.query_pairs_mut().extend_pairs(pairs);
        url.into()
    }
}

/// Sends it and reads what comes back, as far as it may be read.
async fn answer(request: RequestBuilder) -> Result<Answer, Unanswered> {
    let mut response = request.send().await.map_err(|error| unreachable(&error))?;
    let (status, mut body) = (response.status().as_u16(), Vec::new());
    while let Some(part) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + part.len() > ANSWER_MAX {
            return Err(Unanswered::Unusable("it is too long"));
        }
        body.extend_from_slice(&part);
    }
    Ok(Answer { status, body })
}

/// What went wrong, down to its cause, without the address.
fn unreachable(error: &reqwest::Error) -> Unanswered {
    let mut text = if error.is_timeout() { "too late".to_owned() } else { String::new() };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    Unanswered::Unreachable(text)
}

/// A form as it stands in a body.
fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_of_public_addresses_is_a_target() {
        let outside = Outgoing::new(false);
        assert!(outside.target("https://id.example.com/realms/main").is_ok());
        assert!(outside.target("https://[2606:4700::1111]/").is_ok());
        for (address, why) in [
            ("http://id.example.com", BadTarget::NotHttps),
            ("http://127.0.0.1:3000", BadTarget::NotHttps),
            ("ftp://id.example.com", BadTarget::NotHttps),
            ("https://127.0.0.1", BadTarget::NotPublic),
            ("https://0x7f000001", BadTarget::NotPublic),
            ("https://169.254.169.254/latest", BadTarget::NotPublic),
            ("https://[::1]", BadTarget::NotPublic),
            ("https://[::ffff:10.0.0.1]", BadTarget::NotPublic),
            ("https://user:secret@id.example.com", BadTarget::Malformed),
            ("https://id.example.com/#x", BadTarget::Malformed),
            ("data:text/html,x", BadTarget::Malformed),
            ("not an address", BadTarget::Malformed),
        ] {
            assert_eq!(outside.target(address), Err(why), "{address}");
        }
        assert_eq!(outside.target(&format!("https://example.com/{}", "x".repeat(2048))), Err(BadTarget::Malformed));
        let inside = Outgoing::new(true);
        assert!(inside.target("https://10.0.0.1").is_ok() && inside.target("http://127.0.0.1:3000").is_ok());
        for address in ["http://10.0.0.1", "http://id.example.com"] {
            assert_eq!(inside.target(address), Err(BadTarget::NotHttps), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_asked() {
        let outside = Outgoing::new(false);
        let target = outside.target("https://localhost:1").unwrap();
        assert_eq!(outside.get(&target, None).await.err(), Some(Unanswered::Unresolved));
        // The switch lets it be asked; nobody is there.
        let asked = Outgoing::new(true).get(&target, None).await;
        assert!(matches!(asked, Err(Unanswered::Unreachable(_))), "{asked:?}");
    }

    #[test]
    fn what_is_sent_is_encoded() {
        assert_eq!(form(&[("a", "1&2"), ("b", "ä +")]), "a=1%262&b=%C3%A4+%2B");
        let target = Outgoing::new(false).target("https://id.example.com/auth?tenant=1").unwrap();
        assert_eq!(target.with_parameters(&[("x", "&")]), "https://id.example.com/auth?tenant=1&x=%26");
    }
}
