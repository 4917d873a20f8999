//! Leads as web forms, spreadsheets and trade fairs leave them: the columns of the file, reading it, making one up.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::made_up::{City, company, credit_code, mobile, person, titled};
use crate::random::Random;

const COLUMNS: [&str; 11] =
    ["id", "kind", "name", "contact", "phone", "email", "address", "uscc", "wechat", "source", "created_at"];
/// Of made-up leads.
const SEED: u64 = 20_250_601;

/// One row of the file: columns as texts, empty where there is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lead {
    /// Line of the file on which the row begins; the header is line 1.
    pub(crate) line: u64,
    /// What the sender calls it.
    pub(crate) id: String,
    /// `company` or `person`.
    pub(crate) kind: String,
    /// Of the company or the person.
    pub(crate) name: String,
    /// The person at a company.
    pub(crate) contact: String,
    /// A number, or what stands there.
    pub(crate) phone: String,
    /// An address, or what stands there.
    pub(crate) email: String,
    /// Street address.
    pub(crate) address: String,
    /// Credit code.
    pub(crate) uscc: String,
    /// WeChat id.
    pub(crate) wechat: String,
    /// Where the row came from.
    pub(crate) source: String,
    /// When, a date.
    pub(crate) created_at: String,
}

/// Reads a file with these columns.
///
/// # Errors
/// It is not there, or not such a file.
pub(crate) fn read(path: &Path) -> Result<Vec<Lead>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| path.display().to_string())?;
    let headers = reader.headers()?.clone();
    let places =
        COLUMNS.map(|column| headers.iter().position(|header| header.trim_start_matches('\u{feff}') == column));
    let mut leads = Vec::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let cells = places.map(|place| place.and_then(|at| record.get(at)).unwrap_or_default().to_owned());
        let [id, kind, name, contact, phone, email, address, uscc, wechat, source, created_at] = cells;
        leads.push(Lead { line, id, kind, name, contact, phone, email, address, uscc, wechat, source, created_at });
    }
    Ok(leads)
}

/// Writes such a file.
///
/// # Errors
/// The folder cannot be written to.
pub(crate) fn write(path: &Path, leads: &[Lead]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut writer = csv::Writer::from_path(path).with_context(|| path.display().to_string())?;
    writer.write_record(COLUMNS)?;
    for lead in leads {
        let Lead { line: _, id, kind, name, contact, phone, email, address, uscc, wechat, source, created_at } = lead;
        writer.write_record([id, kind, name, contact, phone, email, address, uscc, wechat, source, created_at])?;
    }
    Ok(writer.flush()?)
}

/// So many made-up leads: always the same ones. About one in six is somebody who came before, written differently.
pub(crate) fn make_up(rows: usize) -> Vec<Lead> {
    let mut random = Random::new(SEED);
    let mut clean: Vec<Lead> = Vec::with_capacity(rows);
    let mut leads = Vec::with_capacity(rows);
    for (line, number) in (2_u64..).zip(1_u64..).take(rows) {
        let again = (!clean.is_empty() && random.percent(17)).then(|| random.place(clean.len()));
        let mut lead = match again.and_then(|place| clean.get(place)).cloned() {
            Some(known) => repeated(&mut random, known),
            None => {
                let lead = fresh(&mut random, number);
                clean.push(lead.clone());
                lead
            }
        };
        (lead.line, lead.id) = (line, format!("L{number:06}"));
        soil(&mut random, &mut lead);
        leads.push(lead);
    }
    leads
}

fn fresh(random: &mut Random, number: u64) -> Lead {
    let city = City::any(random);
    let is_company = random.percent(62);
    let landline = is_company && random.percent(20);
    let phone = if landline { city.landline(random) } else { mobile(number * 7) };
    let domain = random.pick(&["qq.com", "163.com", "126.com", "outlook.com", "gmail.com"]);
    let own = format!("mail{number}@kehu-lead{}.cn", number % 700);
    let email = if is_company { own } else { format!("lead{number}@{domain}") };
    let some = |random: &mut Random, chance, text: String| if random.percent(chance) { text } else { String::new() };
    let source = random.pick(&["web_form", "wechat", "import", "exhibition", "email", "api", "manual"]);
    let created_at = format!("202{}-{:02}-{:02}", random.below(5), random.below(12) + 1, random.below(28) + 1);
    let address = city.address(random);
    let code = credit_code(random);
    Lead {
        kind: if is_company { "company" } else { "person" }.to_owned(),
        name: if is_company { company(random, city) } else { person(random) },
        contact: if is_company { person(random) } else { String::new() },
        phone,
        email: some(random, 80, email),
        address: some(random, 75, address),
        uscc: if is_company { some(random, 45, code) } else { String::new() },
        wechat: some(random, 15, format!("wx_lead{number}")),
        source: source.to_owned(),
        created_at,
        ..Lead::default()
    }
}

/// The same customer again: through another channel, with less said, and another person at the same company.
fn repeated(random: &mut Random, mut lead: Lead) -> Lead {
    lead.source = random.pick(&["web_form", "wechat", "exhibition"]).to_owned();
    match random.below(5) {
        0 => lead.email = String::new(),
        1 => lead.address = String::new(),
        2 if lead.kind == "company" => lead.contact = titled(random),
        3 => lead.name = lead.name.replace("有限责任公司", "有限公司").replace('（', "(").replace('）', ")"),
        _ => lead.uscc = String::new(),
    }
    lead
}

/// What happens to rows on their way.
fn soil(random: &mut Random, lead: &mut Lead) {
    if random.percent(12) {
        lead.phone = respelled(random, &lead.phone);
    }
    if random.percent(6) {
        lead.email = readdressed(random, &lead.email);
    }
    match random.below(200) {
        0..=3 => std::mem::swap(&mut lead.phone, &mut lead.email),
        4..=6 if lead.kind == "company" => std::mem::swap(&mut lead.name, &mut lead.contact),
        7..=9 => lead.name = random.pick(&["测试", "无", "asdf", "公司", "12345"]).to_owned(),
        10..=12 => lead.contact = titled(random),
        13 => lead.phone = spreadsheet(&lead.phone),
        14 => lead.phone = random.pick(&["无", "12345678", "13800138000", "1380013800", "/"]).to_owned(),
        15 => lead.name = format!("{} {}", lead.name, lead.phone),
        16 => (lead.phone, lead.email) = (String::new(), String::new()),
        17..=19 => lead.name = format!("  {} ", lead.name.replace('有', "有 ")),
        _ => {}
    }
}

fn respelled(random: &mut Random, phone: &str) -> String {
    let parts = || -> Option<(&str, &str, &str)> { Some((phone.get(..3)?, phone.get(3..7)?, phone.get(7..)?)) };
    let Some((a, b, c)) = parts().filter(|_| !phone.contains('-')) else { return phone.replace('-', " ") };
    match random.below(7) {
        0 => format!("+86 {phone}"),
        1 => format!("0086{phone}"),
        2 => format!("{a}-{b}-{c}"),
        3 => format!("{a} {b} {c}"),
        4 => format!("(+86){phone}"),
        5 => format!(" {phone}\u{3000}"),
        _ => wide(phone),
    }
}

fn readdressed(random: &mut Random, email: &str) -> String {
    match random.below(5) {
        0 => email.to_uppercase(),
        1 => wide(email),
        2 => email.replace('@', " @"),
        3 => email.replace(".com", ".con"),
        _ => email.replace('.', "。"),
    }
}

/// Full-width forms of ASCII.
fn wide(text: &str) -> String {
    let widened = |letter: char| match u32::from(letter) {
        code @ 0x21..=0x7e => char::from_u32(code + 0xfee0).unwrap_or(letter),
        _ => letter,
    };
    text.chars().map(widened).collect()
}

/// What a spreadsheet makes of a long number: its last digits are lost.
fn spreadsheet(phone: &str) -> String {
    match (phone.get(..1), phone.get(1..6)) {
        (Some(first), Some(rest)) if !phone.contains('-') => format!("{first}.{rest}E+10"),
        _ => format!("{phone}.0"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_leads_come_out_the_same_and_survive_the_file() {
        let leads = make_up(500);
        assert_eq!(leads, make_up(500));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/leads.csv");
        write(&path, &leads).unwrap();
        assert_eq!(read(&path).unwrap(), leads);
    }

    #[test]
    fn they_are_as_dirty_as_meant() {
        let leads = make_up(10_000);
        let count = |is: fn(&Lead) -> bool| leads.iter().filter(|lead| is(lead)).count();
        assert!(count(|lead| lead.phone.contains('@')) > 50, "swapped columns");
        assert!(count(|lead| lead.phone.contains('\u{ff11}')) > 50, "full-width digits");
        assert!(count(|lead| lead.phone.contains("E+10")) > 10, "spreadsheets");
        assert!(count(|lead| lead.phone.starts_with('0')) > 500, "landlines");
        assert!(count(|lead| lead.phone.is_empty() && lead.email.is_empty()) > 10, "unreachable");
        let plain = leads.iter().map(|lead| lead.phone.as_str()).collect::<std::collections::HashSet<_>>();
        assert!((7_500..9_500).contains(&plain.len()), "repeats: {} different numbers", plain.len());
    }
}
