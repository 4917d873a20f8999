//! Rows of customers.

use chrono::{DateTime, Utc};
use kehu_domain::codes;
use kehu_domain::fields::{
    BankAccounts, Collaborators, Day, Emails, ExternalIds, Instant, Line, Lines, Phones, Ref, SealedText, Several,
    Tags, Text, Words,
};
use kehu_domain::kinds::{Customer, CustomerKind, Grade, SizeBand, Source, Stage};
use kehu_domain::record::{Base, Record as _, Stored};
use kehu_domain::text::document::Document;
use kehu_domain::value::{BankAccount, Budget, CreditCode, IdNumber, Industry, Quarter, Region};

use crate::crypto::cell::FieldPath;
use crate::entities::customer;
use crate::failure::Failure;
use crate::ops::{number, ownership, sharing};
use crate::pii::Entry;
use crate::sealed;
use crate::sealed::customer::{ADDRESS, BANK_ACCOUNTS, EMAILS, ID_NUMBER, PHONES, WECHAT};
use crate::sealer::Opener;
use crate::tx::Tx;

use super::found::{self, element_entries};
use super::{
    NEVER, NOT_DUE, Ownership, RowBase, Rows, base, ids_from_bytes, ids_to_bytes, initial_column, initial_of, known,
    name_columns, row, shared_columns,
};

impl Rows for Customer {
    type Entity = customer::Entity;
    const CUSTOM: FieldPath = sealed::customer::CUSTOM;
    const SAID: Option<FieldPath> = Some(sealed::customer::SAID);
    const BRINGS_CONTACTS: bool = true;
    const ERASABLE: bool = true;
    const TOGETHER: bool = true;

    fn to_row(stored: &Stored<Self>, row: &RowBase<'_>) -> Result<customer::ActiveModel, Failure> {
        let Self {
            number,
            name,
            initial,
            kind,
            stage,
            grade,
            industry,
            size,
            credit_code,
            region,
            address,
            phones,
            emails,
            wechat,
            id_number,
            bank_accounts,
            source,
            needs,
            need_products,
            budget,
            purchase_window,
            preferences,
            cooperation_history,
            cooperation_since,
            remark,
            tags,
            external_ids,
            owner_id: _,
            team_id: _,
            collaborators,
            last_follow_up_at,
            next_follow_up_at,
            contact_count,
            follow_up_count,
            flags,
        } = &stored.data;
        let (name_norm, name_sort) = name_columns(row, name.as_str());
        Ok(row!(customer::ActiveModel, stored, row, {
            number: Set(number.as_ref().map(Line::as_str).unwrap_or_default().to_owned()),
            name: Set(name.as_str().to_owned()),
            name_norm: Set(name_norm),
            name_sort: Set(name_sort),
            initial: Set(initial_column(initial.as_ref())),
            kind: Set(kind.key().to_owned()),
            stage: Set(stage.key().to_owned()),
            grade: Set(grade.map(|grade| grade.key().to_owned())),
            industry: Set(industry.as_ref().map(|industry| industry.code().to_owned())),
            size: Set(size.map(|size| size.key().to_owned())),
            credit_code: Set(credit_code.as_ref().map(|code| code.as_str().to_owned())),
            region: Set(region.as_ref().map(|region| region.code().to_owned())),
            address: row.sealer.cell("address", ADDRESS, address.as_ref().map(SealedText::as_str))?,
            phones: row.sealer.cell("phones", PHONES, phones.to_stored().as_deref())?,
            emails: row.sealer.cell("emails", EMAILS, emails.to_stored().as_deref())?,
            wechat: row.sealer.cell("wechat", WECHAT, wechat.as_ref().map(SealedText::as_str))?,
            id_number: row.sealer.cell("id_number", ID_NUMBER, id_number.as_ref().map(IdNumber::as_str))?,
            bank_accounts: row.sealer.cell("bank_accounts", BANK_ACCOUNTS, bank_accounts.to_stored().as_deref())?,
            source: Set(source.map(|source| source.key().to_owned())),
            needs: Set(needs.to_stored()),
            need_products: Set(need_products.to_stored()),
            budget_min: Set(budget.and_then(Budget::min_yuan)),
            budget_max: Set(budget.and_then(Budget::max_yuan)),
            purchase_window: Set(purchase_window.map(|window| window.to_string())),
            preferences: Set(preferences.as_ref().map(|text| text.as_str().to_owned())),
            cooperation_history: Set(cooperation_history.as_ref().map(|text| text.as_str().to_owned())),
            cooperation_since: Set(cooperation_since.map(|day| day.to_string())),
            remark: Set(remark.as_ref().map(|remark| remark.as_str().to_owned())),
            tag_ids: Set(ids_to_bytes(&tags.ids)),
            external_ids: Set(external_ids.to_stored()),
            shared_with: Set(collaborators.to_stored()),
            last_follow_up_at: Set(last_follow_up_at.map_or(NEVER, Instant::time)),
            next_follow_up_at: Set(next_follow_up_at.map_or(NOT_DUE, Instant::time)),
            contact_count: Set(*contact_count),
            follow_up_count: Set(*follow_up_count),
            flags: Set(flags.0.join(",")),
        }))
    }

    fn from_row(row: customer::Model, opener: &Opener<'_>) -> Result<(Stored<Self>, String), Failure> {
        let id = row.id;
        let shared = Collaborators::from_stored(row.shared_with.as_deref());
        let key = |key: Option<String>| key.unwrap_or_default();
        let phones = opener.value(PHONES, id, row.phones.as_deref(), |text| Phones::from_stored(&text))?;
        let emails = opener.value(EMAILS, id, row.emails.as_deref(), |text| Emails::from_stored(&text))?;
        let address = opener.text(ADDRESS, id, row.address.as_deref())?;
        let wechat = opener.text(WECHAT, id, row.wechat.as_deref())?;
        let accounts = row.bank_accounts.as_deref();
        let accounts = opener.value(BANK_ACCOUNTS, id, accounts, |text| BankAccounts::from_stored(&text))?;
        let data = Self {
            number: Some(Line::from_stored(row.number)),
            name: Line::from_stored(row.name),
            initial: Some(Line::from_stored(row.initial)),
            kind: known(CustomerKind::from_key(&row.kind), "kind", id)?,
            stage: known(Stage::from_key(&row.stage), "stage", id)?,
            grade: Grade::from_key(&key(row.grade)),
            industry: row.industry.map(Industry::from_stored),
            size: SizeBand::from_key(&key(row.size)),
            credit_code: row.credit_code.map(CreditCode::from_stored),
            region: row.region.map(Region::from_stored),
            address: address.map(SealedText::from_stored),
            phones: phones.unwrap_or_default(),
            emails: emails.unwrap_or_default(),
            wechat: wechat.map(SealedText::from_stored),
            id_number: opener.text(ID_NUMBER, id, row.id_number.as_deref())?.map(IdNumber::from_stored),
            bank_accounts: accounts.unwrap_or_default(),
            source: Source::from_key(&key(row.source)),
            needs: Several::from_stored(row.needs.as_deref()),
            need_products: Lines::from_stored(row.need_products.as_deref()),
            budget: Budget::from_stored(row.budget_min, row.budget_max),
            purchase_window: row.purchase_window.as_deref().and_then(Quarter::from_stored),
            preferences: row.preferences.map(Text::from_stored),
            cooperation_history: row.cooperation_history.map(Text::from_stored),
            cooperation_since: row.cooperation_since.as_deref().and_then(Day::from_stored),
            remark: row.remark.map(Text::from_stored),
            tags: Tags { ids: ids_from_bytes(&row.tag_ids), ..Tags::default() },
            external_ids: ExternalIds::from_stored(row.external_ids.as_deref()),
            owner_id: row.owner_id.map(Ref::new),
            team_id: row.team_id.map(Ref::new),
            collaborators: shared.clone(),
            last_follow_up_at: Some(row.last_follow_up_at).filter(|at| *at != NEVER).map(Instant::from_stored),
            next_follow_up_at: Some(row.next_follow_up_at).filter(|at| *at != NOT_DUE).map(Instant::from_stored),
            contact_count: row.contact_count,
            follow_up_count: row.follow_up_count,
            flags: Words(row.flags.split(',').filter(|flag| !flag.is_empty()).map(str::to_owned).collect()),
        };
        Ok((Stored { base: Base { shared, ..base!(row, opener, Self::CUSTOM) }, data }, row.touched))
    }

    fn columns(field: &'static str) -> &'static [&'static str] {
        match field {
            "budget" => &["budget_min", "budget_max"],
            other => shared_columns(other),
        }
    }

    fn brings(&mut self, contacts: i64) {
        self.contact_count = contacts;
    }

    fn ownership(&self) -> Ownership {
        Ownership::Own { owner: self.owner_id.map(|owner| owner.id), team: self.team_id.map(|team| team.id) }
    }

    fn shared(&self) -> Collaborators {
        self.collaborators.clone()
    }

    fn name(&self) -> Option<&str> {
        Some(self.name.as_str())
    }

    fn time_of(&self, field: &str) -> Option<DateTime<Utc>> {
        let time = if field == "last_follow_up_at" { self.last_follow_up_at } else { self.next_follow_up_at };
        time.map(Instant::time)
    }

    fn credit_code(&self) -> Option<&str> {
        self.credit_code.as_ref().map(CreditCode::as_str)
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries = element_entries(&self.phones, &self.emails, self.wechat.as_ref().map(SealedText::as_str));
        entries.extend(self.id_number.as_ref().map(found::id_number));
        entries.extend(found::bank_accounts(&self.bank_accounts));
        entries.extend(found::external_ids(Self::KIND, &self.external_ids));
        entries
    }

    fn entry_count(&self) -> usize {
        let lists = self.phones.0.len() + self.emails.0.len() + self.bank_accounts.0.len();
        lists + usize::from(self.wechat.is_some()) + usize::from(self.id_number.is_some()) + self.external_ids.len()
    }

    fn external_ids(&self) -> Option<&ExternalIds> {
        Some(&self.external_ids)
    }

    fn document(&self) -> Document {
        let text = |text: &Option<Text<5000>>| text.as_ref().map(|text| text.as_str().to_owned()).unwrap_or_default();
        let region = self.region.as_ref().map(|region| {
            [region.province(), region.city(), region.district()].into_iter().flatten().collect::<String>()
        });
        Document::of([
            ("name", self.name.as_str()),
            ("region", &region.unwrap_or_default()),
            ("need_products", &self.need_products.to_stored().unwrap_or_default()),
            ("preferences", &text(&self.preferences)),
            ("cooperation_history", &text(&self.cooperation_history)),
            ("remark", &text(&self.remark)),
        ])
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }

    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }

    fn flags_mut(&mut self) -> Option<&mut Words> {
        Some(&mut self.flags)
    }

    async fn prepare(&mut self, tx: &Tx<'_>, before: Option<&Stored<Self>>) -> Result<(), Failure> {
        ownership::settle(tx, self, before)?;
        self.initial = initial_of(self.name.as_str());
        let derived =
            |customer: &Self| customer.address.as_ref().and_then(|address| Region::find_in_address(address.as_str()));
        let address_changed = before.is_none_or(|before| before.data.address != self.address);
        // A region that came from the old address, and was not said, goes with it.
        let stale =
            || before.is_some_and(|before| self.region == before.data.region && self.region == derived(&before.data));
        if address_changed && (self.region.is_none() || stale()) {
            self.region = derived(self);
        }
        if let Some(before) = before {
            settle_flags(self, &before.data);
        }
        if before.is_none_or(|before| before.data.bank_accounts != self.bank_accounts) {
            flag_accounts(self);
        }
        Ok(())
    }

    async fn number(tx: &Tx<'_>, set: Vec<&mut Self>) -> Result<(), Failure> {
        number::give(tx, set).await
    }

    async fn follow(tx: &Tx<'_>, before: Option<&Stored<Self>>, after: Option<&Stored<Self>>) -> Result<(), Failure> {
        if let (Some(before), Some(after)) = (before, after) {
            ownership::carry(tx, before, after).await?;
        }
        sharing::follow(tx, before, after).await
    }
}

/// Flags a customer one of whose accounts looks wrong, until none does: it may be right all the same.
fn flag_accounts(customer: &mut Customer) {
    let flag = codes::BANK_ACCOUNT_CHECK.key;
    customer.flags.0.retain(|known| known != flag);
    if customer.bank_accounts.0.iter().any(|item| BankAccount::finding(&item.value).is_some()) {
        customer.flags.0.push(flag.to_owned());
    }
}

/// A flag is about a field; whoever edits that field has settled it, since the rules refuse there what intake keeps.
fn settle_flags(customer: &mut Customer, before: &Customer) {
    let edited = [
        (customer.name != before.name || customer.kind != before.kind, &["name_", "person_name_", "company_name_"][..]),
        (customer.phones != before.phones, &["phone_"][..]),
        (customer.emails != before.emails, &["email_"][..]),
        (customer.credit_code != before.credit_code, &["credit_code_"][..]),
        (customer.industry != before.industry, &["industry_"][..]),
        (customer.budget != before.budget, &["budget_"][..]),
        (customer.purchase_window != before.purchase_window, &["quarter_"][..]),
    ];
    let settled = |flag: &String| {
        edited.iter().any(|(edited, prefixes)| *edited && prefixes.iter().any(|prefix| flag.starts_with(prefix)))
    };
    customer.flags.0.retain(|flag| !settled(flag));
}
