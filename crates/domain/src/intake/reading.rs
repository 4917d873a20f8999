//! Reading the values of a submission, field by field.

use crate::fields::{Lines, SealedText, Several};
use crate::kinds::{CustomerKind, Need, SizeBand};
use crate::value::{Budget, CreditCode, Industry, Quarter, Region};

use super::flags::{CHOICE_UNKNOWN, NUMBER_IN_TEXT, REQUIRED_MISSING};
use super::lead::{Lead, Wants};
use super::names::{self, Names, cut, printable};
use super::parts::{FormField, MapsTo};
use super::reach::{Holder, Reach};
use super::scan::Scan;

/// Longest text of one value in a summary, in characters.
const MAX_SAID: usize = 1000;

/// A submission that is being read.
pub(super) struct Reading<'a> {
    region: &'a str,
    lead: Lead,
    company: Option<String>,
    person: Option<String>,
    kind: Option<CustomerKind>,
    /// Ways to reach the person that stood in running text; they count where there is no other.
    spare: Reach,
}

impl<'a> Reading<'a> {
    pub(super) fn new(region: &'a str) -> Self {
        let lead = Lead {
            reach: Reach::default(),
            credit_code: None,
            flags: Vec::new(),
            spam: false,
            unmapped: Vec::new(),
            source_id: None,
            test: false,
            names: Names::default(),
            industry: None,
            size: None,
            region: None,
            wants: Wants::default(),
            address: None,
            position: None,
            remarks: Vec::new(),
            person_remarks: Vec::new(),
            said: Vec::new(),
        };
        Self { region, lead, company: None, person: None, kind: None, spare: Reach::default() }
    }

    pub(super) fn field(&mut self, field: &FormField, texts: &[&str]) {
        if texts.is_empty() {
            if field.required {
                self.lead.flag(REQUIRED_MISSING);
            }
            return;
        }
        let whole = texts.join("、");
        let said = match field.maps_to {
            MapsTo::CustomerName => self.name(&whole, Holder::Customer),
            MapsTo::ContactName => self.name(&whole, Holder::Person),
            MapsTo::CustomerPhone => {
                self.reached(texts, |reach, text, region| reach.phone(text, Holder::Customer, region))
            }
            MapsTo::ContactPhone => {
                self.reached(texts, |reach, text, region| reach.phone(text, Holder::Person, region))
            }
            MapsTo::CustomerEmail => {
                self.reached(texts, |reach, text, region| reach.email(text, Holder::Customer, region))
            }
            MapsTo::ContactEmail => {
                self.reached(texts, |reach, text, region| reach.email(text, Holder::Person, region))
            }
            MapsTo::CustomerWechat => {
                self.reached(texts, |reach, text, region| reach.wechat(text, Holder::Customer, region))
            }
            MapsTo::ContactWechat => {
                self.reached(texts, |reach, text, region| reach.wechat(text, Holder::Person, region))
            }
            MapsTo::CustomerAddress => {
                let address = cut(printable(&whole).trim(), 300);
                self.lead.address = self.lead.address.take().or(SealedText::parse(&address).ok());
                crate::mask::STARS.to_owned()
            }
            MapsTo::ContactPosition => {
                let text = self.text(&printable(&whole));
                self.lead.position.get_or_insert_with(|| text.clone());
                text
            }
            MapsTo::CustomerRemark | MapsTo::ContactRemark => {
                let text = self.text(&whole);
                let of_person = field.maps_to == MapsTo::ContactRemark;
                let remarks = if of_person { &mut self.lead.person_remarks } else { &mut self.lead.remarks };
                remarks.push(text.clone());
                text
            }
            MapsTo::CustomerNeeds => self.needs(field, texts),
            MapsTo::CustomerNeedProducts => {
                let products: Vec<String> = split(texts).map(|text| self.text(&printable(text))).collect();
                let kept = products.iter().take(20).map(|text| cut(text.trim(), 100)).collect::<Vec<_>>().join("\n");
                self.lead.wants.products = Lines::from_stored(Some(&kept));
                products.join("、")
            }
            MapsTo::CustomerKind
            | MapsTo::CustomerIndustry
            | MapsTo::CustomerSize
            | MapsTo::CustomerCreditCode
            | MapsTo::CustomerBudget
            | MapsTo::CustomerPurchaseWindow
            | MapsTo::CustomerRegion => self.standard(field, &whole),
        };
        self.lead.said.push((field.label().to_owned(), cut(&said, MAX_SAID)));
    }

    /// A text that no field asks for, because the sender named nothing: it is kept as what was said.
    pub(super) fn plain(&mut self, text: &str) {
        let text = self.text(text);
        self.lead.remarks.push(text.clone());
        self.lead.said.push((super::given::TEXT.to_owned(), cut(&text, MAX_SAID)));
    }

    fn name(&mut self, text: &str, holder: Holder) -> String {
        let name = names::clean(text, holder, self.region, &mut self.lead.reach, &mut self.lead.flags);
        let said = name.clone().unwrap_or_else(|| crate::mask::STARS.to_owned());
        let place = if holder == Holder::Customer { &mut self.company } else { &mut self.person };
        *place = place.take().or(name);
        said
    }

    fn reached(
        &mut self,
        texts: &[&str],
        read: impl Fn(&mut Reach, &str, &str) -> Result<String, &'static str>,
    ) -> String {
        let mut said = Vec::new();
        for text in texts {
            match read(&mut self.lead.reach, text, self.region) {
                Ok(mask) => said.push(mask),
                Err(code) => {
                    self.lead.flag(code);
                    said.push(crate::mask::STARS.to_owned());
                }
            }
        }
        said.join("、")
    }

    /// Running text, with masks where numbers and addresses stand.
    fn text(&mut self, text: &str) -> String {
        let kept = |c: char| if matches!(c, '\n' | '\t') || !crate::text::is_forbidden(c) { c } else { ' ' };
        let line: String = text.chars().map(kept).collect();
        let scan = Scan::of(line.trim(), self.region);
        let masked = scan.masked();
        if scan.hides() {
            self.lead.flag(NUMBER_IN_TEXT);
        }
        self.spare.found(scan, Holder::Person);
        masked
    }

    /// A value of a standard or a vocabulary; a text that is none goes to the remark, so that nothing is lost.
    fn standard(&mut self, field: &FormField, text: &str) -> String {
        let lead = &mut self.lead;
        let text = text.trim();
        let wrong = match field.maps_to {
            MapsTo::CustomerKind => match choice(CustomerKind::VOCABULARY.items, text).and_then(CustomerKind::from_key)
            {
                Some(kind) => return store(&mut self.kind, kind, text),
                None => CHOICE_UNKNOWN,
            },
            MapsTo::CustomerSize => match choice(SizeBand::VOCABULARY.items, text).and_then(SizeBand::from_key) {
                Some(size) => return store(&mut lead.size, size, text),
                None => CHOICE_UNKNOWN,
            },
            MapsTo::CustomerIndustry => match Industry::parse(text) {
                Ok(industry) => return store(&mut lead.industry, industry, text),
                Err(flaw) => flaw.code.key,
            },
            MapsTo::CustomerCreditCode => match CreditCode::parse(text) {
                Ok(code) => {
                    let said = code.as_str().to_owned();
                    return store(&mut lead.credit_code, code, &said);
                }
                // Half hidden it would help nobody; the submission itself keeps it.
                Err(flaw) => {
                    lead.flag(flaw.code.key);
                    return crate::mask::STARS.to_owned();
                }
            },
            MapsTo::CustomerBudget => match Budget::parse(text) {
                Ok(budget) => return store(&mut lead.wants.budget, budget, text),
                Err(flaw) => flaw.code.key,
            },
            MapsTo::CustomerPurchaseWindow => match Quarter::parse(text) {
                Ok(window) => return store(&mut lead.wants.window, window, text),
                Err(flaw) => flaw.code.key,
            },
            _ => match Region::parse(text) {
                Ok(region) => return store(&mut lead.region, region, text),
                Err(flaw) => flaw.code.key,
            },
        };
        lead.flag(wrong);
        let masked = self.text(&printable(text));
        self.lead.remarks.push(format!("{}：{masked}", field.label()));
        masked
    }

    /// Needs by their keys or labels; what is none goes to the remark.
    fn needs(&mut self, field: &FormField, texts: &[&str]) -> String {
        let (mut keys, mut said) = (String::new(), Vec::new());
        for text in split(texts) {
            match choice(Need::VOCABULARY.items, text) {
                Some(key) => {
                    keys.push_str(key);
                    keys.push(',');
                    said.push(text.to_owned());
                }
                None => {
                    self.lead.flag(CHOICE_UNKNOWN);
                    let masked = self.text(&printable(text));
                    self.lead.remarks.push(format!("{}：{masked}", field.label()));
                    said.push(masked);
                }
            }
        }
        self.lead.wants.needs = Several::from_stored(Some(&keys));
        said.join("、")
    }

    pub(super) fn finish(self) -> Lead {
        let Self { region: _, mut lead, company, person, kind, spare } = self;
        lead.names = names::settle(company, person, kind, &mut lead.flags);
        if lead.reach.is_empty() {
            lead.reach = spare;
        }
        let mut once: Vec<String> = Vec::new();
        for flag in std::mem::take(&mut lead.flags) {
            if !once.contains(&flag) {
                once.push(flag);
            }
        }
        lead.flags = once;
        lead
    }
}

/// The parts of values that hold several.
fn split<'t>(texts: &'t [&'t str]) -> impl Iterator<Item = &'t str> {
    let parts = texts.iter().flat_map(|text| text.split([',', '，', '、', ';', '；', '|', '\n']));
    parts.map(str::trim).filter(|part| !part.is_empty())
}

/// Keeps the first value; what is said of it.
fn store<T>(place: &mut Option<T>, value: T, text: &str) -> String {
    place.get_or_insert(value);
    text.to_owned()
}

/// The key of a choice that was said by its key or by a label.
fn choice(items: &[(&'static str, &'static str, &'static str)], text: &str) -> Option<&'static str> {
    let said = |label: &str| label.eq_ignore_ascii_case(text);
    items.iter().find(|(key, zh, en)| said(key) || said(zh) || said(en)).map(|(key, ..)| *key)
}
