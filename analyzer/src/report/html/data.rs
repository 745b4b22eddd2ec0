//! The names as the script reads them: one JSON document of flat columns, some 45 bytes a file.
//!
//! ```text
//! layers   [[instruction, line or 0, 1 for the base's], …]
//! names    "usr/bin/sh/…": names joined by slashes, each directory before what is in it
//! depths   [1, 2, 3, …]: a name is in the last one before it that is one less deep
//! states   [[class, creator], [class, creator, killer, kind], …]
//! records  at: the number of the name less that of the record before, sizes, state, first (of copies and links alone, or 0)
//! sums     at, files, bytes, state: what is not drawn by name
//! ```

use std::{
    collections::BTreeMap,
    fmt::{Display, Write as _},
};

use serde_json::Value;

use super::{
    names::Names,
    records::{Class, State},
};
use crate::{
    Analysis,
    markup::{cut, seen},
};

/// Characters of an instruction that the map and the search show; the table of layers has more.
const MAX_INSTRUCTION: usize = 300;

/// Writes the document, for a script element: nothing in it can end that.
pub(super) fn json(names: &Names, analysis: &Analysis) -> String {
    let mut states = States::default();
    let record_states: Vec<usize> = names.records.iter().map(|record| states.number(record.state)).collect();
    let sum_states: Vec<usize> = names.sums.iter().map(|sum| states.number(sum.state)).collect();
    let firsts = names.records.iter().filter(|record| matches!(record.state.class, Class::Copy | Class::Link));
    let texts: Vec<&str> = names.list.iter().map(|name| name.text.as_str()).collect();
    // writing to a string cannot fail
    let mut out = String::from("{\"layers\":[");
    for layer in &analysis.layers {
        separate(&mut out);
        let instruction = cut(&seen(layer.created_by.as_deref().unwrap_or_default()), MAX_INSTRUCTION);
        let (line, base) = (layer.line.unwrap_or(0), u8::from(layer.base == Some(true)));
        let _ = write!(out, "[{},{line},{base}]", Value::from(instruction));
    }
    out.push_str("],\"names\":");
    out.push_str(&Value::from(texts.join("/")).to_string());
    column(&mut out, "depths", names.list.iter().map(|name| name.depth));
    out.push_str(",\"states\":");
    out.push_str(&states.json());
    column(&mut out, "at", steps(names.records.iter().map(|record| record.name)));
    column(&mut out, "sizes", names.records.iter().map(|record| record.size));
    column(&mut out, "state", record_states.into_iter());
    column(&mut out, "first", firsts.map(|record| record.first.unwrap_or(0)));
    column(&mut out, "sumAt", steps(names.sums.iter().map(|sum| sum.name)));
    column(&mut out, "sumFiles", names.sums.iter().map(|sum| sum.files));
    column(&mut out, "sumBytes", names.sums.iter().map(|sum| sum.bytes));
    column(&mut out, "sumState", sum_states.into_iter());
    out.push('}');
    // `</script` and `<!--` begin with it, and in JSON it stands in texts alone
    out.replace('<', "\\u003c")
}

fn separate(out: &mut String) {
    if !out.ends_with('[') {
        out.push(',');
    }
}

fn column<T: Display>(out: &mut String, key: &str, values: impl Iterator<Item = T>) {
    let _ = write!(out, ",\"{key}\":[");
    for value in values {
        separate(out);
        let _ = write!(out, "{value}");
    }
    out.push(']');
}

/// Each number less the one before.
fn steps(numbers: impl Iterator<Item = u32>) -> impl Iterator<Item = u32> {
    numbers.scan(0, |before, number| {
        let step = number - *before;
        *before = number;
        Some(step)
    })
}

/// Distinct states, numbered as they come.
#[derive(Default)]
struct States {
    numbers: BTreeMap<State, usize>,
    order: Vec<State>,
}

impl States {
    fn number(&mut self, state: State) -> usize {
        *self.numbers.entry(state).or_insert_with(|| {
            self.order.push(state);
            self.order.len() - 1
        })
    }

    fn json(&self) -> String {
        let mut out = String::from("[");
        for State { class, creator, death } in &self.order {
            separate(&mut out);
            let _ = write!(out, "[{},{creator}", *class as u8);
            if let Some((killer, kind)) = death {
                let _ = write!(out, ",{killer},\"{kind}\"");
            }
            out.push(']');
        }
        out.push(']');
        out
    }
}
