//! A running server over the data of a size, and the people who ask it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::cast::{Cast, EVERYBODY, Who, login};
use super::kept::{Ids, Kept, warm};
use crate::client::Session;
use crate::server::{Home, PASSWORD, Server};

/// How long an access token is used: it lasts for fifteen minutes.
const TOKEN: Duration = Duration::from_secs(8 * 60);
/// Where it is noted how many customers runs made beside those that were seeded.
const MADE: &str = "made";

/// The data of a size, served.
pub(super) struct Place<'a> {
    pub(super) size: usize,
    pub(super) server: Server,
    pub(super) cast: Cast,
    pub(super) ids: Ids,
    kept: &'a Kept,
    home: Home,
    people: Vec<Person>,
    made: Mutex<usize>,
}

struct Person {
    who: Who,
    session: Session,
    token: String,
    since: Instant,
}

impl<'a> Place<'a> {
    /// Starts a server over it.
    ///
    /// # Errors
    /// It does not start.
    pub(super) fn open(kept: &'a Kept) -> Result<Self> {
        let home = kept.to_work_on()?;
        warm(&home)?;
        let server = home.start()?;
        let cast = Cast::from_json(&home.noted("cast")?.context("nobody works there")?)?;
        let people = people(&home, &server)?;
        let made = Mutex::new(home.noted(MADE)?.map_or(Ok(0), |made| made.parse())?);
        Ok(Self { size: kept.size, server, cast, ids: Ids::read(home.folder())?, kept, home, people, made })
    }

    /// A token of somebody.
    ///
    /// # Errors
    /// They cannot sign in.
    pub(super) fn token(&mut self, who: Who) -> Result<String> {
        let person = self.people.iter_mut().find(|person| person.who == who).context("nobody")?;
        if person.since.elapsed() > TOKEN {
            person.token = person.session.renew()?;
            person.since = Instant::now();
        }
        Ok(person.token.clone())
    }

    /// Somebody who signs in once more.
    ///
    /// # Errors
    /// They cannot.
    pub(super) fn session(&self, who: Who) -> Result<Session> {
        let person = self.people.iter().find(|person| person.who == who).context("nobody")?;
        person.session.elsewhere(&self.server.base)
    }

    /// Places of set 1 for so many new customers: the first of them.
    ///
    /// # Errors
    /// It cannot be noted.
    pub(super) fn reserve(&self, many: usize) -> Result<usize> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *made;
        *made += many;
        self.home.note(MADE, &made.to_string())?;
        Ok(first)
    }

    /// Ends the server and starts another one.
    ///
    /// # Errors
    /// It does not end or start.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.server.end()?;
        self.server = self.home.start()?;
        Ok(())
    }

    /// Signs everybody in again: at a server that was restarted.
    ///
    /// # Errors
    /// They cannot.
    pub(super) fn sign_in(&mut self) -> Result<()> {
        self.people = people(&self.home, &self.server)?;
        Ok(())
    }

    /// Where its data is.
    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    /// Ends the server. What it wrote goes with its copy.
    ///
    /// # Errors
    /// It does not end.
    pub(super) fn close(mut self) -> Result<()> {
        self.server.end()?;
        self.kept.forget_copy()
    }
}

fn people(home: &Home, server: &Server) -> Result<Vec<Person>> {
    let one = |who| {
        let login = match who {
            Who::Administrator => home.noted("login")?.context("no administrator")?,
            other => login(other),
        };
        let mut session = Session::sign_in(&server.base, &login, PASSWORD)?;
        let token = session.renew()?;
        Ok(Person { who, session, token, since: Instant::now() })
    };
    EVERYBODY.into_iter().map(one).collect()
}
