//! The region at the head of an address.

use super::region::{Row, cities, districts, districts_at_head, provinces};
use crate::text::normalise;

/// What follows a short name when it is not the place itself, but part of a street's, a firm's or another place's
/// name: 南京路, 中山东路, 大理石厂, 朝阳区.
const STREET_ENDS: &[char] =
    &['路', '街', '道', '巷', '弄', '石', '桥', '村', '镇', '乡', '区', '县', '旗', '州', '省', '市'];
const DIRECTIONS: &[char] = &['东', '南', '西', '北', '中', '大', '一', '二', '三', '四', '五', '支', '环', '新'];
const BUILDINGS: &[&str] = &["大厦", "大楼", "广场", "花园", "宾馆", "酒店", "公园", "公寓", "商城", "小区", "大学"];
/// How far into the text a province may stand after other words (`公司地址:`).
const HEAD: usize = 12;

/// A reading of the head of an address: the region and how many bytes it took.
#[derive(Clone, Copy)]
struct Match {
    code: &'static str,
    taken: usize,
}

/// The code of the region that the address names.
pub(super) fn find(address: &str) -> Option<&'static str> {
    let text: String = normalise(address).chars().filter(|c| c.is_alphanumeric()).collect();
    let text = text.strip_prefix("中华人民共和国").or_else(|| text.strip_prefix("中国")).unwrap_or(&text);
    if let Some(found) = at_head(text) {
        return Some(found.code);
    }
    text.char_indices().skip(1).take(HEAD).filter_map(|(at, _)| text.get(at..)).find_map(|rest| {
        let province = provinces().any(|row| rest.starts_with(row.name));
        if province { at_head(rest).map(|found| found.code) } else { None }
    })
}

/// The longest reading: below a province, or beginning with a city, or a district that is the only one of its name.
fn at_head(text: &str) -> Option<Match> {
    let mut best: Option<Match> = None;
    let mut consider = |found: Option<Match>| {
        if let Some(found) = found.filter(|found| best.is_none_or(|best| found.taken > best.taken)) {
            best = Some(found);
        }
    };
    for (province, taken) in named(text, provinces()) {
        consider(below_province(text, province, taken));
    }
    for (city, taken) in named(text, cities("")) {
        consider(below_city(text, city, taken));
    }
    let mut whole = districts_at_head(text).filter(|row| row.name.chars().count() >= 3);
    if let (Some(only), None) = (whole.next(), whole.next()) {
        consider(Some(Match { code: only.code, taken: only.name.len() }));
    }
    best
}

/// The rows whose name, or short name, the text begins with, and the bytes that it takes.
fn named<'a>(
    text: &'a str,
    rows: impl Iterator<Item = &'static Row> + 'a,
) -> impl Iterator<Item = (&'static Row, usize)> + 'a {
    rows.filter_map(move |row| {
        if text.starts_with(row.name) {
            Some((row, row.name.len()))
        } else if !row.short.is_empty() && text.starts_with(row.short) {
            Some((row, row.short.len()))
        } else {
            None
        }
    })
}

fn below_province(text: &str, province: &'static Row, taken: usize) -> Option<Match> {
    let prefix = province.code.get(..2)?;
    // 上海市上海市浦东新区, 上海市市辖区浦东新区: forms that ask for a city get the province again.
    let again = if province.name.ends_with('市') { [province.name, province.short, "市辖区"] } else { [""; 3] };
    let taken = skip(text, taken, &again);
    let rest = text.get(taken..)?;
    let city = longest(named(rest, cities(prefix)));
    let through_city = city.and_then(|(city, more)| below_city(text, city, taken + more));
    let district = longest(named(rest, districts(prefix)))
        .filter(|(row, _)| named(rest, districts(prefix)).filter(|(other, _)| other.name == row.name).count() == 1)
        .and_then(|(row, more)| place(text, row, taken + more));
    let deeper = [through_city, district].into_iter().flatten().max_by_key(|found| found.taken);
    deeper.or_else(|| place(text, province, taken))
}

fn below_city(text: &str, city: &'static Row, taken: usize) -> Option<Match> {
    let prefix = city.code.get(..4)?;
    let rest_at = skip(text, taken, &["市辖区"]);
    let rest = text.get(rest_at..)?;
    let district = longest(named(rest, districts(prefix))).and_then(|(row, more)| place(text, row, rest_at + more));
    district.or_else(|| place(text, city, taken))
}

fn longest(rows: impl Iterator<Item = (&'static Row, usize)>) -> Option<(&'static Row, usize)> {
    rows.max_by_key(|(_, taken)| *taken)
}

fn skip(text: &str, taken: usize, words: &[&str]) -> usize {
    let rest = text.get(taken..).unwrap_or_default();
    let word = words.iter().find(|word| !word.is_empty() && rest.starts_with(**word));
    taken + word.map_or(0, |word| word.len())
}

/// The reading that ends with this row, unless a short name is the beginning of a street's or building's.
fn place(text: &str, row: &'static Row, taken: usize) -> Option<Match> {
    let is_whole = text.get(..taken).is_some_and(|head| head.ends_with(row.name));
    let rest = text.get(taken..).unwrap_or_default();
    (is_whole || !is_street(rest)).then_some(Match { code: row.code, taken })
}

fn is_street(rest: &str) -> bool {
    if BUILDINGS.iter().any(|word| rest.starts_with(word)) {
        return true;
    }
    let mut chars = rest.chars().skip_while(|c| DIRECTIONS.contains(c));
    chars.next().is_some_and(|c| STREET_ENDS.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn addresses_as_people_write_them() {
        for (address, code) in [
            ("上海市浦东新区世纪大道100号", "310115"),
            ("上海浦东新区世纪大道100号", "310115"),
            ("上海市上海市浦东新区世纪大道", "310115"),
            ("上海市市辖区浦东新区", "310115"),
            ("浦东新区世纪大道100号", "310115"),
            ("四川成都武侯区创业街563号", "510107"),
            ("四川省成都市武侯区创业街563号B座", "510107"),
            ("成都市武侯区", "510107"),
            ("成都武侯", "510107"),
            ("成都高新区天府大道", "510100"),
            ("廣東省深圳市南山區科技路", "440305"),
            ("广东 / 深圳 / 南山区", "440305"),
            ("江苏省昆山市前进路", "320583"),
            ("江苏昆山前进西路", "320583"),
            ("昆山市前进路", "320583"),
            ("吉林省吉林市船营区", "220204"),
            ("吉林市船营区", "220204"),
            ("黑龙江哈尔滨道里区", "230102"),
            ("四川凉山西昌市", "513401"),
            ("内蒙古呼和浩特市新城区", "150102"),
            ("新疆乌鲁木齐天山区", "650102"),
            ("河南省济源市", "419001"),
            ("重庆市渝中区解放碑", "500103"),
            ("北京朝阳区建国路", "110105"),
            ("北京南京路", "110000"),
            ("中国香港特别行政区中环", "810000"),
            ("公司地址：浙江省杭州市西湖区文三路", "330106"),
            ("广东省东莞市长安镇", "441900"),
        ] {
            assert_eq!(find(address), Some(code), "{address}");
        }
    }

    #[test]
    fn what_is_ambiguous_or_a_street_is_not_guessed() {
        for address in [
            "朝阳区建国路",
            "南京路100号",
            "北京东路5号",
            "中山大厦3号",
            "大理石厂",
            "世纪大道100号",
            "",
            "鼓楼区",
            "Main Street 5",
        ] {
            assert_eq!(find(address), None, "{address}");
        }
    }
}
