//! Words that made-up companies, people, numbers and addresses are made of.

use crate::random::Random;

const SURNAMES: &str = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧";
const GIVEN: &str = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰飞鑫宇轩博思诗雨晨浩";
const CORES: &str = "智云华信恒泰远通鼎盛宏图瑞丰天成博雅卓越金诚海纳科创新联合众力达";
const FORMS: &[&str] = &["有限公司", "有限公司", "有限责任公司", "股份有限公司", "集团有限公司"];
const TRADES: &[&str] = &[
    "科技",
    "贸易",
    "软件",
    "信息技术",
    "教育咨询",
    "医疗器械",
    "装饰工程",
    "物流",
    "餐饮管理",
    "新能源",
    "文化传媒",
    "环保科技",
    "汽车销售",
    "食品",
    "服装",
];
/// City, its area code, and districts in it.
const CITIES: &[(&str, &str, &[&str])] = &[
    ("北京市", "010", &["海淀区", "朝阳区", "西城区"]),
    ("上海市", "021", &["徐汇区", "嘉定区", "闵行区"]),
    ("广东省广州市", "020", &["天河区", "番禺区"]),
    ("广东省深圳市", "0755", &["南山区", "福田区", "龙岗区"]),
    ("浙江省杭州市", "0571", &["西湖区", "余杭区", "滨江区"]),
    ("四川省成都市", "028", &["武侯区", "锦江区"]),
    ("江苏省南京市", "025", &["鼓楼区", "江宁区"]),
    ("江苏省苏州市", "0512", &["姑苏区", "吴中区"]),
    ("湖北省武汉市", "027", &["洪山区", "江汉区"]),
    ("陕西省西安市", "029", &["碑林区", "雁塔区"]),
    ("山东省青岛市", "0532", &["市南区", "崂山区"]),
    ("福建省厦门市", "0592", &["思明区", "湖里区"]),
];
const STREETS: &[&str] = &["中山路", "人民路", "建设路", "解放路", "科技路", "创业街", "滨河路", "学院路"];
const PREFIXES: &[&str] = &[
    "130", "131", "135", "136", "137", "138", "139", "150", "151", "152", "155", "158", "159", "166", "177", "180",
    "182", "185", "186", "187", "188", "189", "198", "199",
];

/// A city that everything of one customer lies in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct City(&'static str, &'static str, &'static [&'static str]);

impl City {
    /// One of twelve.
    pub(crate) fn any(random: &mut Random) -> Self {
        let place = random.place(CITIES.len());
        let (name, code, districts) = CITIES.get(place).copied().unwrap_or_default();
        Self(name, code, districts)
    }

    /// Without its province and the last character: 深圳.
    fn short(self) -> &'static str {
        let city = self.0.rsplit_once('省').map_or(self.0, |(_, city)| city);
        city.trim_end_matches('市')
    }

    /// A street address.
    pub(crate) fn address(self, random: &mut Random) -> String {
        let district = random.pick(self.2);
        let (street, number, room) = (random.pick(STREETS), random.below(999) + 1, random.below(2400) + 101);
        format!("{}{district}{street}{number}号{room}室", self.0)
    }

    /// A landline number.
    pub(crate) fn landline(self, random: &mut Random) -> String {
        format!("{}-{}{}", self.1, random.letter("2345678"), random.digits(7))
    }
}

/// A company's registered name.
pub(crate) fn company(random: &mut Random, city: City) -> String {
    let length = 2 + random.below(3);
    let core: String = (0..length).map(|_| random.letter(CORES)).collect();
    let (trade, form) = (random.pick(TRADES), random.pick(FORMS));
    match random.below(4) {
        0 => format!("{core}{trade}（{}）{form}", city.short()),
        1 => format!("{}市{core}{trade}{form}", city.short()),
        2 => format!("{core}{trade}{form}"),
        _ => format!("{}{core}{trade}{form}", city.short()),
    }
}

/// A person's name.
pub(crate) fn person(random: &mut Random) -> String {
    let more = random.percent(60).then(|| random.letter(GIVEN));
    [random.letter(SURNAMES), random.letter(GIVEN)].into_iter().chain(more).collect()
}

/// The surname with a title: what forms get instead of a name.
pub(crate) fn titled(random: &mut Random) -> String {
    format!("{}{}", random.letter(SURNAMES), random.pick(&["先生", "女士", "经理", "总", "老师"]))
}

/// The mobile number of that place in a long row of different ones.
pub(crate) fn mobile(place: u64) -> String {
    let length = u64::try_from(PREFIXES.len()).unwrap_or(1);
    let prefix = usize::try_from(place % length).ok().and_then(|at| PREFIXES.get(at)).copied().unwrap_or("139");
    format!("{prefix}{:08}", ((place / length) * 48_271 + 12_345_678) % 100_000_000)
}

/// A unified social credit code with its check character (GB 32100-2015).
pub(crate) fn credit_code(random: &mut Random) -> String {
    const LETTERS: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let region = random.pick(&["110108", "310115", "440305", "330106", "510107", "370202"]);
    let mut code = format!("91{region}");
    code.extend((0..9).map(|_| random.letter(LETTERS)));
    let value = |letter: char| LETTERS.chars().position(|known| known == letter).unwrap_or(0);
    let mut weight = 1;
    let mut sum = 0;
    for letter in code.chars() {
        sum += value(letter) * weight;
        weight = weight * 3 % 31;
    }
    code.extend(LETTERS.chars().nth((31 - sum % 31) % 31));
    code
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn mobiles_differ_and_look_like_mobiles() {
        let all: HashSet<String> = (0..100_000).map(mobile).collect();
        assert_eq!(all.len(), 100_000);
        assert!(all.iter().all(|number| number.len() == 11 && number.starts_with('1')));
    }

    #[test]
    fn credit_codes_carry_the_right_check_character() {
        let code = credit_code(&mut Random::new(1));
        assert_eq!(code.len(), 18);
        let weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
        let letters = "0123456789ABCDEFGHJKLMNPQRTUWXY";
        let value = |letter| letters.chars().position(|known| known == letter).unwrap();
        let sum: usize = code.chars().zip(weights).map(|(letter, weight)| value(letter) * weight).sum();
        assert_eq!((sum + value(code.chars().last().unwrap())) % 31, 0);
    }

    #[test]
    fn an_address_names_city_and_district() {
        let mut random = Random::new(3);
        let city = City::any(&mut random);
        assert!(city.address(&mut random).starts_with(city.0));
        assert!(!city.short().contains('省'));
    }
}
