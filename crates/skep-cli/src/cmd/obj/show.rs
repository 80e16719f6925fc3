//! `skep obj show`: what is in object files.

use super::{items, open};
use crate::args::Show;
use crate::fail::Result;
use crate::out::{BAD, Column, DIM, HEAD, Out, printable, styled};
use serde_json::{Value, json};
use skep::ObjectSpec;

/// A kind of item: what one is called, key, columns.
const TABLES: &[(&str, &str, &[Column])] = &[
    (
        "program",
        "programs",
        &[
            ("NAME", "name"),
            ("SECTION", "section"),
            ("TYPE", "type"),
            ("ATTACH TYPE", "attach_type"),
            ("INSNS", "insns"),
            ("LINKED", "linked_insns"),
            ("MAPS", "maps"),
        ],
    ),
    (
        "map",
        "maps",
        &[
            ("NAME", "name"),
            ("TYPE", "type"),
            ("KEY", "key_size"),
            ("VALUE", "value_size"),
            ("ENTRIES", "max_entries"),
            ("FLAGS", "map_flags"),
            ("PINNING", "pinning"),
            ("KEY TYPE", "key"),
            ("VALUE TYPE", "value"),
        ],
    ),
    (
        "variable",
        "variables",
        &[
            ("NAME", "name"),
            ("MAP", "map"),
            ("OFFSET", "offset"),
            ("SIZE", "size"),
            ("TYPE", "type"),
        ],
    ),
    (
        "extern",
        "externs",
        &[
            ("NAME", "name"),
            ("KIND", "kind"),
            ("WEAK", "weak"),
            ("TYPE", "type"),
        ],
    ),
    (
        "function",
        "functions",
        &[
            ("NAME", "name"),
            ("SECTION", "section"),
            ("OFFSET", "offset"),
            ("INSNS", "insns"),
            ("LINKAGE", "linkage"),
        ],
    ),
];

pub(super) fn run(args: &Show) -> Result {
    let mut out = Out::new(args.json);
    let mut status = 0;
    for path in &args.objects {
        let Some(spec) = open(path) else {
            status = 1;
            continue;
        };
        let all = whole(&path.display().to_string(), &spec);
        match args.json {
            true => out.json(&all)?,
            false => text(&mut out, &all)?,
        }
    }
    out.flush()?;
    Ok(status)
}

fn whole(object: &str, spec: &ObjectSpec) -> Value {
    let warnings: Vec<_> = spec.warnings.iter().map(ToString::to_string).collect();
    json!({
        "object": object,
        "license": spec.license,
        "version": spec.version,
        "endian": items::endian(spec),
        "btf": items::btf(spec),
        "programs": items::programs(spec),
        "maps": items::maps(spec),
        "variables": items::variables(spec),
        "externs": items::externs(spec),
        "functions": items::functions(spec),
        "warnings": warnings,
    })
}

fn text(out: &mut Out, all: &Value) -> Result<()> {
    let word = |key: &str| all.get(key).and_then(Value::as_str);
    let object = printable(word("object").unwrap_or_default());
    out.line(&styled(HEAD, object))?;
    let license = word("license").map_or("no license".to_owned(), |text| {
        format!("license \"{}\"", printable(text))
    });
    out.line(&format!(
        "{license}, {} endian",
        word("endian").unwrap_or_default()
    ))?;
    out.line(&btf(all.get("btf")))?;
    for (what, key, columns) in TABLES {
        let rows = all.get(*key).and_then(Value::as_array);
        let Some(rows) = rows.filter(|rows| !rows.is_empty()) else {
            continue;
        };
        out.line("")?;
        out.line(&styled(DIM, counted(rows.len() as u64, what)))?;
        out.rows(columns, rows)?;
        for row in rows {
            errors(out, row)?;
        }
    }
    let warnings = all.get("warnings").and_then(Value::as_array);
    for warning in warnings.into_iter().flatten().filter_map(Value::as_str) {
        out.line(&format!("note: {}", printable(warning)))?;
    }
    Ok(out.line("")?)
}

/// What is wrong with an item, below the table.
fn errors(out: &mut Out, row: &Value) -> Result<()> {
    let word = |key: &str| row.get(key).and_then(Value::as_str);
    if let Some(error) = word("error") {
        let name = styled(BAD, printable(word("name").unwrap_or_default()));
        out.line(&format!("{name}: {}", printable(error)))?;
    }
    Ok(())
}

fn btf(btf: Option<&Value>) -> String {
    let Some(Value::Object(btf)) = btf else {
        return "no types".to_owned();
    };
    let count = |key: &str, what| {
        let number = btf.get(key).and_then(Value::as_u64);
        counted(number.unwrap_or_default(), what)
    };
    format!(
        "{} in {}, {}, {}, {}",
        count("types", "type"),
        count("bytes", "byte"),
        count("func_info", "function"),
        count("line_info", "line"),
        count("core_relos", "CO-RE relocation"),
    )
}

/// `1 program`, `2 programs`.
fn counted(count: u64, what: &str) -> String {
    let many = if count == 1 { "" } else { "s" };
    format!("{count} {what}{many}")
}
