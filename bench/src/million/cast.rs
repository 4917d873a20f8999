//! Who works there: salespeople in twelve teams, ten of them under one manager, and an administrator.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::items::{CHANNELS, FIELD, team_of};
use crate::client::{Session, text};
use crate::core::OWNERS;
use crate::server::user;

/// Teams with salespeople.
pub(super) const TEAMS: usize = 12;
/// Those of them that the manager leads.
pub(super) const LED: usize = 10;

/// Somebody who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Sees everything.
    Administrator,
    /// Sees ten teams.
    Manager,
    /// Sees what is his own.
    Salesperson,
}

/// All of them.
pub(super) const EVERYBODY: [Who; 3] = [Who::Administrator, Who::Manager, Who::Salesperson];

impl Who {
    /// What the table calls them.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Manager => "manager",
            Self::Salesperson => "salesperson",
        }
    }

    /// Which salespeople's customers they see.
    pub(super) fn sees(self, owner: usize) -> bool {
        match self {
            Self::Administrator => true,
            Self::Manager => team_of(owner) < LED,
            Self::Salesperson => owner == 0,
        }
    }
}

/// Ids of salespeople and of their teams.
#[derive(Clone, Debug, Default)]
pub(super) struct Cast {
    pub(super) owners: Vec<String>,
    pub(super) teams: Vec<String>,
}

impl Cast {
    /// Makes teams, people and the field that the organisation adds.
    ///
    /// # Errors
    /// The server refuses one.
    pub(super) fn make(admin: &mut Session) -> Result<Self> {
        let field = json!({
            "kind": "customer", "key": FIELD, "type": "choice", "label": {"zh-CN": "渠道", "en": "Channel"},
            "filterable": true,
            "choices": CHANNELS.map(|key| json!({"key": key, "label": {"en": key}})),
        });
        admin.post("/v1/fields", &field)?;
        let mut team = |name: String, above: Option<&str>| {
            text(&admin.post("/v1/teams", &json!({ "name": name, "parent_id": above }))?, "id")
        };
        let region = team("华东大区".to_owned(), None)?;
        let above = |at: usize| (at < LED).then_some(region.as_str());
        let teams = (0..TEAMS).map(|at| team(format!("销售{}组", at + 1), above(at))).collect::<Result<Vec<_>>>()?;
        admin.post("/v1/users", &user("经理", "manager", Some(&region), &login(Who::Manager)))?;
        let mut owners = Vec::with_capacity(OWNERS);
        for at in 0..OWNERS {
            let mine = teams.get(team_of(at)).map(String::as_str);
            let login = if at == 0 { login(Who::Salesperson) } else { format!("u{at:02}@million.test") };
            let made = admin.post("/v1/users", &user(&format!("销售{at:02}"), "salesperson", mine, &login))?;
            owners.push(text(&made, "id")?);
        }
        Ok(Self { owners, teams })
    }

    /// As it is kept beside the data.
    pub(super) fn to_json(&self) -> String {
        json!({ "owners": self.owners, "teams": self.teams }).to_string()
    }

    /// As it was kept.
    ///
    /// # Errors
    /// It was not.
    pub(super) fn from_json(kept: &str) -> Result<Self> {
        let kept: Value = serde_json::from_str(kept)?;
        let list = |name| {
            let list = kept.get(name).and_then(Value::as_array).with_context(|| format!("no {name}"))?;
            Ok::<_, anyhow::Error>(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        };
        Ok(Self { owners: list("owners")?, teams: list("teams")? })
    }
}

/// How somebody other than the administrator signs in.
pub(super) fn login(who: Who) -> String {
    format!("{}@million.test", who.word())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_customers_and_the_manager_leads_ten_teams() {
        let led: std::collections::HashSet<usize> =
            (0..OWNERS).filter(|owner| Who::Manager.sees(*owner)).map(team_of).collect();
        assert_eq!(led.len(), LED);
        assert!(Who::Salesperson.sees(0) && !Who::Salesperson.sees(12));
        let cast = Cast { owners: vec!["a".to_owned()], teams: vec!["b".to_owned()] };
        assert_eq!(Cast::from_json(&cast.to_json()).unwrap().owners, ["a"]);
        assert!(Cast::from_json("{}").is_err());
    }
}
