//! Where the data of a size stays between runs: a folder with key and data on SQLite; key and a database of its own on
//! PostgreSQL.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::options::Options;
use super::postgres;
use crate::progress;
use crate::server::{Home, PASSING};
use crate::settings::{Engine, env};

/// The file with the id of every customer, in the order of their rows.
pub(super) const IDS: &str = "ids";
/// An id and the end of its line.
pub(super) const ID_LINE: usize = 37;
/// Up to this size a run works on a copy, so that what it writes does not add up from run to run. What it writes to a
/// larger one is little beside it, and a copy takes minutes.
const COPIED: usize = 100_000;

/// The data of one size.
pub(super) struct Kept {
    pub(super) size: usize,
    around: PathBuf,
    folder: PathBuf,
    /// The cluster on PostgreSQL.
    cluster: Option<String>,
}

impl Kept {
    /// That of each size.
    ///
    /// # Errors
    /// The folder cannot be made, or there is no PostgreSQL.
    pub(super) fn all(options: &Options) -> Result<Vec<Self>> {
        let cluster = match options.engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(env("KEHU_BENCH_PG_URL").context("KEHU_BENCH_PG_URL is not set")?),
        };
        fs::create_dir_all(&options.keep).with_context(|| options.keep.display().to_string())?;
        let around = options.keep.canonicalize()?;
        remove_copies(&around)?;
        let name = |size| if cluster.is_some() { format!("postgres-{size}") } else { format!("{size}") };
        let one = |size: &usize| Self {
            size: *size,
            folder: around.join(name(*size)),
            around: around.clone(),
            cluster: cluster.clone(),
        };
        Ok(options.sizes.iter().map(one).collect())
    }

    /// Key, data and what was noted.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn database(&self) -> String {
        format!("million_{}", self.size)
    }

    fn copied_database(&self) -> String {
        format!("passing_{}", self.size)
    }

    /// Whether everything is there.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub(super) fn is_full(&self) -> Result<bool> {
        let noted = fs::read_to_string(self.folder.join("full")).unwrap_or_default();
        let there = match &self.cluster {
            Some(cluster) => postgres::is_there(cluster, &self.database())?,
            None => true,
        };
        if !there && self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        Ok(there && noted == self.size.to_string())
    }

    /// Makes room for what is to be filled.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn prepare(&self) -> Result<()> {
        match &self.cluster {
            Some(cluster) if !self.folder.exists() => postgres::renew(cluster, &self.database(), None),
            _ => Ok(()),
        }
    }

    /// The home of what is kept.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn home(&self) -> Result<Home> {
        Home::kept(&self.folder, self.cluster.as_deref().map(|cluster| postgres::at(cluster, &self.database())))
    }

    /// So many customers are there by now: plans that PostgreSQL makes for empty tables read more with every row, until
    /// it has looked at them.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub(super) fn filled(&self, customers: usize) -> Result<()> {
        match &self.cluster {
            Some(cluster) if [1000, 10_000, 100_000].contains(&customers) => {
                postgres::run(&postgres::at(cluster, &self.database()), "ANALYZE")
            }
            _ => Ok(()),
        }
    }

    /// What a database does by itself some time after it was filled.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub(super) fn settle(&self) -> Result<()> {
        match &self.cluster {
            Some(cluster) => postgres::run(&postgres::at(cluster, &self.database()), "VACUUM ANALYZE"),
            None => Ok(()),
        }
    }

    /// The home that a run works on: a copy of a small size, a large one as it is.
    ///
    /// # Errors
    /// There is no room for a copy.
    pub(super) fn to_work_on(&self) -> Result<Home> {
        let home = self.home()?;
        if self.size > COPIED {
            return Ok(home);
        }
        if let Some(cluster) = &self.cluster {
            postgres::renew(cluster, &self.copied_database(), Some(&self.database()))?;
        }
        home.copied(&self.around, self.cluster.as_deref().map(|cluster| postgres::at(cluster, &self.copied_database())))
    }

    /// Removes the copy of a database. That of a folder goes by itself.
    ///
    /// # Errors
    /// Somebody uses it.
    pub(super) fn forget_copy(&self) -> Result<()> {
        match &self.cluster {
            Some(cluster) if self.size <= COPIED => postgres::remove(cluster, &self.copied_database()),
            _ => Ok(()),
        }
    }
}

/// Copies that a run left behind which was killed.
fn remove_copies(around: &Path) -> Result<()> {
    for entry in fs::read_dir(around)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PASSING) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Reads the database file once, so that it is in memory as far as it fits.
///
/// # Errors
/// It cannot be read.
pub(super) fn warm(home: &Home) -> Result<()> {
    let path = home.folder().join("data/kehu.db");
    if home.url().is_some() || !path.exists() {
        return Ok(());
    }
    let (mut file, mut part) = (File::open(&path)?, vec![0; 4 << 20]);
    let size = file.metadata()?.len();
    if size > 1 << 30 {
        progress(&format!("reading {} MiB into memory", size >> 20));
    }
    while file.read(&mut part)? > 0 {}
    Ok(())
}

/// Ids of customers by their places.
pub(super) struct Ids(String);

impl Ids {
    /// Those that were noted.
    ///
    /// # Errors
    /// None were.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        Ok(Self(fs::read_to_string(folder.join(IDS)).context("the ids of the customers")?))
    }

    /// That of a customer.
    pub(super) fn get(&self, place: usize) -> &str {
        self.0.get(place * ID_LINE..(place + 1) * ID_LINE - 1).unwrap_or_default()
    }
}
