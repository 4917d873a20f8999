//! What the types say of a file of customers: every value that they refuse, and how many they wonder at.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use kehu_domain::flaw::{Flaw, Lang};
use kehu_domain::value::{CompanyName, CreditCode, Email, PersonName, Phone, Region};

use crate::leads::{self, Lead};

/// The most examples of a warning that the summary shows.
const EXAMPLES: usize = 3;

/// What was seen.
#[derive(Default)]
struct Seen {
    rows: usize,
    values: usize,
    refused: Vec<String>,
    refusals: BTreeMap<(&'static str, &'static str), usize>,
    warnings: BTreeMap<(&'static str, &'static str), (usize, Vec<String>)>,
    regions: usize,
    addresses: usize,
}

impl Seen {
    fn refuse(&mut self, id: &str, column: &'static str, value: &str, flaw: &Flaw) {
        self.refused.push(format!("{id}\t{column}\t{}\t{value}\t{}", flaw.code.key, flaw.message(Lang::En)));
        *self.refusals.entry((column, flaw.code.key)).or_default() += 1;
    }

    fn warn(&mut self, column: &'static str, value: &str, flaw: &Flaw) {
        let (count, examples) = self.warnings.entry((column, flaw.code.key)).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(value.to_owned());
        }
    }

    /// A name as it is judged where a record is made: what cannot be stored, what the rules refuse, what is told.
    fn name(&mut self, id: &str, column: &'static str, value: &str, is_company: bool) {
        let (refused, warned) = if is_company {
            CompanyName::parse(value).map_or_else(|flaw| (vec![flaw], None), |name| (name.findings(), name.warning()))
        } else {
            PersonName::parse(value).map_or_else(|flaw| (vec![flaw], None), |name| (name.findings(), name.warning()))
        };
        for flaw in &refused {
            self.refuse(id, column, value, flaw);
        }
        if let Some(flaw) = warned.filter(|_| refused.is_empty()) {
            self.warn(column, value, &flaw);
        }
    }

    fn email(&mut self, id: &str, value: &str) {
        let email = match Email::parse(value) {
            Ok(email) => email,
            Err(flaw) => return self.refuse(id, "email", value, &flaw),
        };
        let told = |code| Flaw::new(code).with("domain", email.domain());
        if email.is_disposable() {
            self.warn("email", email.domain(), &told(&kehu_domain::codes::EMAIL_DISPOSABLE));
        } else if let Some(meant) = email.likely_domain() {
            self.warn("email", email.domain(), &told(&kehu_domain::codes::EMAIL_TYPO).with("meant", meant));
        } else if email.is_free_mail() {
            self.warn("email", email.domain(), &told(&kehu_domain::codes::EMAIL_FREE_MAIL));
        }
    }

    fn row(&mut self, lead: &Lead) {
        self.rows += 1;
        let id = lead.id.as_str();
        let cells = [&lead.name, &lead.contact, &lead.phone, &lead.email, &lead.address, &lead.uscc];
        let is_there = |text: &&&String| !text.trim().is_empty();
        self.values += cells.iter().filter(is_there).count();
        let said = |text: &'_ String| Some(text.clone()).filter(|text| !text.trim().is_empty());
        if let Some(name) = said(&lead.name) {
            self.name(id, "name", &name, lead.kind == "company");
        }
        if let Some(name) = said(&lead.contact) {
            self.name(id, "contact", &name, false);
        }
        if let Some((phone, flaw)) =
            said(&lead.phone).and_then(|text| Some((text.clone(), Phone::parse(&text, "CN").err()?)))
        {
            self.refuse(id, "phone", &phone, &flaw);
        }
        if let Some(email) = said(&lead.email) {
            self.email(id, &email);
        }
        if let Some((code, flaw)) =
            said(&lead.uscc).and_then(|text| Some((text.clone(), CreditCode::parse(&text).err()?)))
        {
            self.refuse(id, "uscc", &code, &flaw);
        }
        if let Some(address) = said(&lead.address) {
            self.addresses += 1;
            self.regions += usize::from(Region::find_in_address(&address).is_some());
        }
    }

    fn tell(&self) -> String {
        let mut text = format!(
            "{} rows, {} values; {} refused. Of {} addresses {} name a region.\n\n| column | refused with | how many |\n|---|---|---:|\n",
            self.rows,
            self.values,
            self.refused.len(),
            self.addresses,
            self.regions
        );
        for ((column, code), count) in &self.refusals {
            let _ = writeln!(text, "| {column} | `{code}` | {count} |");
        }
        text.push_str("\n| column | warned of | how many | such as |\n|---|---|---:|---|\n");
        for ((column, code), (count, examples)) in &self.warnings {
            let _ = writeln!(text, "| {column} | `{code}` | {count} | {} |", examples.join(", "));
        }
        text.push_str("\nEvery refusal:\n\n");
        for line in &self.refused {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

/// Runs the rows of a file through the types and tells what came of it.
///
/// # Errors
/// The file cannot be read, or is no such file.
pub(crate) fn run(path: &Path) -> Result<String> {
    let mut seen = Seen::default();
    for lead in leads::read(path)? {
        seen.row(&lead);
    }
    Ok(seen.tell())
}
