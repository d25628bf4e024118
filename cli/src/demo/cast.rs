//! Who plays: the first of the script's cast, and as many more as were asked for.

use super::script::Line;

/// Names for those whom the script does not know.
const FIRST: [&str; 12] =
    ["Noé", "Zoé", "Þóra", "İpek", "Lê Minh", "Séverine", "Łucja", "Håkon", "Ýmir", "Ñusta", "محمود", "Χλόη"];
const LAST: [&str; 9] = ["Aubert", "Brûlé", "Çelik", "Đặng", "Émond", "Fjäll", "Gębka", "Hervé", "Ibáñez"];

/// An official.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) department: String,
}

/// The first `count` of the script's cast; if it has fewer, others with names of their own.
pub(crate) fn choose(script: &[Line], count: usize) -> Vec<Member> {
    let declared: Vec<Member> = script
        .iter()
        .filter_map(|line| match line {
            Line::Official { name, department } => Some(Member { name: name.clone(), department: department.clone() }),
            _ => None,
        })
        .collect();
    let mut cast: Vec<Member> = declared.iter().take(count).cloned().collect();
    for index in cast.len()..count {
        let extra = index - declared.len();
        let (first, last) = (FIRST[extra % FIRST.len()], LAST[extra / FIRST.len() % LAST.len()]);
        let round = extra / (FIRST.len() * LAST.len());
        let number = if round == 0 { String::new() } else { format!(" {}", round + 1) };
        let department = declared[index % declared.len()].department.clone();
        cast.push(Member { name: format!("{first} {last}{number}"), department });
    }
    cast
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::demo::script;

    #[test]
    fn everybody_has_a_name_of_their_own() {
        let script = script::parse(script::FLOOD).unwrap();
        for count in [2, 5, 20, 33, 500] {
            let cast = choose(&script, count);
            let names: BTreeSet<&String> = cast.iter().map(|member| &member.name).collect();
            assert_eq!((cast.len(), names.len()), (count, count));
            assert!(cast.iter().all(|member| !member.department.is_empty()));
        }
    }
}
