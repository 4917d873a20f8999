//! Text search.

use serde_json::json;

use super::{Ask, Asker, TEXT, encoded};
use crate::core::Rows;
use crate::million::cast::{EVERYBODY, Who};
use crate::wire::Call;

const GROUP: &str = "Text search";
/// First letters of the characters that Chinese names of the rows are made of.
const LETTERS: &[(&str, &str)] = &[
    ("智", "z"),
    ("云", "y"),
    ("华", "h"),
    ("信", "x"),
    ("恒", "h"),
    ("泰", "t"),
    ("远", "y"),
    ("通", "t"),
    ("鼎", "d"),
    ("盛", "s"),
    ("宏", "h"),
    ("图", "t"),
    ("瑞", "r"),
    ("丰", "f"),
    ("天", "t"),
    ("成", "c"),
    ("博", "b"),
    ("雅", "y"),
    ("卓", "z"),
    ("越", "y"),
    ("金", "j"),
    ("诚", "c"),
    ("海", "h"),
    ("纳", "n"),
    ("科", "k"),
    ("创", "c"),
    ("新", "x"),
    ("联", "l"),
    ("合", "h"),
    ("众", "z"),
    ("力", "l"),
    ("达", "d"),
];

pub(super) fn all() -> Vec<Ask> {
    let mut asks = Vec::new();
    let mut add = |name: &str, who, one: fn(&mut Asker<'_>) -> Call| {
        asks.push(Ask::each(GROUP, name, who, one).aim(Some(TEXT)));
    };
    for who in EVERYBODY {
        add("q: two Chinese characters", who, |asker| {
            let text: String = chinese(asker).chars().skip(2).take(2).collect();
            words(asker, &text)
        });
        add("q: initials of three characters", who, |asker| {
            let name: Vec<char> = chinese(asker).chars().skip(2).take(3).collect();
            let text: String = name.iter().filter_map(|letter| initial(*letter)).collect();
            words(asker, &text)
        });
        add("q: inner part of a Latin word", who, |asker| {
            let text: String = latin(asker).chars().skip(1).take(4).collect();
            words(asker, &text)
        });
        add("name contains inner Latin text", who, |asker| {
            let text: String = latin(asker).chars().skip(2).take(8).collect();
            let condition = json!({ "field": "name", "op": "contains", "value": text });
            asker.send("POST", "/v1/customers/search", &json!({ "where": condition, "limit": 20 }))
        });
    }
    add("follow-ups, q: two Chinese characters", Who::Administrator, |asker| {
        let text = asker.random.pick(&["报价", "续约", "需求", "拜访", "采购", "演示"]);
        asker.get(format!("/v1/follow_ups?q={}&limit=20", encoded(text)))
    });
    asks
}

fn words(asker: &Asker<'_>, text: &str) -> Call {
    asker.get(format!("/v1/customers?q={}&limit=20", encoded(text)))
}

fn initial(letter: char) -> Option<&'static str> {
    LETTERS.iter().find(|(known, _)| known.starts_with(letter)).map(|(_, initial)| *initial)
}

/// A name in Chinese of a customer within reach.
fn chinese(asker: &mut Asker<'_>) -> String {
    name(asker, false)
}

/// A name in Latin letters of a customer within reach.
fn latin(asker: &mut Asker<'_>) -> String {
    name(asker, true)
}

fn name(asker: &mut Asker<'_>, latin: bool) -> String {
    loop {
        let name = Rows { set: 0 }.row(asker.customer()).name;
        if name.starts_with(|first: char| first.is_ascii()) == latin {
            return name;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_a_name_has_its_letter() {
        for row in (0..300).map(|place| Rows { set: 0 }.row(place)).filter(|row| !row.name.is_ascii()) {
            let letters: Vec<char> = row.name.chars().skip(2).take(3).collect();
            assert!(letters.iter().all(|letter| initial(*letter).is_some()), "{letters:?}");
        }
    }
}
