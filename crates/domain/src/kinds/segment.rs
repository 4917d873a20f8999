//! Segment: records of a kind that belong together, by what they are or because somebody put them there.

use crate::codes;
use crate::field::{Field, Write};
use crate::fields::{Line, Ref, Target, Text};
use crate::flaw::Flaw;
use crate::record::RuleFinding;
use crate::segment::Where;

use super::{Team, User};

crate::vocabulary! {
    /// The kinds of record that segments are made of.
    SegmentKind {
        Customer = "customer", "客户", "Customer";
        Contact = "contact", "联系人", "Contact";
        FollowUp = "follow_up", "跟进记录", "Follow-up";
        Note = "note", "备注", "Note";
    }
}

crate::vocabulary! {
    /// What makes a record one of a segment.
    SegmentType {
        Live = "live", "动态", "Live";
        Static = "static", "静态", "Static";
    }
}

crate::vocabulary! {
    /// Who may use a segment.
    Sharing, absent: Private {
        Private = "private", "仅自己", "Private";
        Team = "team", "本团队", "Team";
        Everybody = "everybody", "所有人", "Everybody";
    }
}

crate::kind! {
    /// Records of a kind that belong together. A live segment is a filter that is kept, asked anew each time; a static
    /// one is a list. Either is a condition of filters (`segment`), and shows nobody a record that he may not read.
    Segment, "segment", "segments", "分群", "Segment", rules: rules;
    /// Its name.
    name: Line<100> = Field::new("名称", "Name").sortable();
    /// What it is for.
    description: Option<Text<2000>> = Field::new("说明", "Description");
    /// The kind of record that it is made of.
    kind: SegmentKind = Field::new("记录类型", "Kind").write(Write::Once);
    /// Live: records that fit `where` at the moment. Static: records that were put into it.
    r#type: SegmentType = Field::new("类型", "Type").write(Write::Once);
    /// The filter of a live segment, as a search takes it; said anew as a whole. Confidential values do not stand in it.
    r#where: Option<Where> = Field::new("筛选条件", "Where");
    /// The order of its members where none is asked for.
    sort: Option<Line<100>> = Field::new("排序", "Sort");
    /// Who may use it: its owner alone, the owner's team and whoever leads above it, or everybody.
    shared: Sharing = Field::new("共享范围", "Shared");
    /// Whose it is: who made it.
    owner_id: Option<Ref<User>> = Field::new("负责人", "Owner").write(Write::Never);
    /// The team that it is shared with.
    team_id: Option<Ref<Team>> = Field::new("团队", "Team").write(Write::Never);
}

/// A live segment has a filter, and a static one has none.
fn rules(segment: &Segment) -> Vec<RuleFinding> {
    let flaw = match (segment.r#type, &segment.r#where) {
        (SegmentType::Live, None) => {
            Flaw::new(&codes::REQUIRED).with("field", "where").with("field_zh", "筛选条件（where）")
        }
        (SegmentType::Static, Some(_)) => Flaw::new(&codes::SEGMENT_STATIC_HAS_NO_FILTER),
        _ => return Vec::new(),
    };
    vec![RuleFinding::refuses("where", &["type"], flaw)]
}

impl Target for Segment {
    const NAME: &'static str = "segment";
}
