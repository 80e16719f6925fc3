//! What becomes of a name that two files have.

use super::super::sections;
use super::*;

const FUNC: u8 = 2;
const OBJECT: u8 = 1;

fn defined(file: usize) -> Symbol {
    Symbol {
        name: "name".to_owned(),
        kind: FUNC,
        local: false,
        weak: false,
        hidden: false,
        section: Some(file),
        value: 8,
        size: 8,
        file,
    }
}

fn wanted(file: usize) -> Symbol {
    Symbol {
        kind: 0,
        section: None,
        value: 0,
        size: 0,
        ..defined(file)
    }
}

fn weak(symbol: Symbol) -> Symbol {
    Symbol {
        weak: true,
        ..symbol
    }
}

fn hidden(symbol: Symbol) -> Symbol {
    Symbol {
        hidden: true,
        ..symbol
    }
}

fn joined(old: Symbol, new: Symbol) -> Result<Symbol> {
    let mut symbols = Symbols {
        locals: Vec::new(),
        globals: alloc::vec![old],
        by_name: Map::new(),
        became: Vec::new(),
        matcher: Matcher::new(&[]),
    };
    symbols.join(&[], &sections::place(&[])?, 0, new)?;
    Ok(symbols.globals.remove(0))
}

/// The file whose symbol counts, and whether it is weak.
fn counts(old: Symbol, new: Symbol) -> (usize, bool) {
    let symbol = joined(old, new).unwrap();
    (symbol.file, symbol.weak)
}

#[test]
fn strong_definitions_count_before_weak_ones_and_the_first_of_weak_ones() {
    assert_eq!(counts(weak(defined(0)), defined(1)), (1, false));
    assert_eq!(counts(defined(0), weak(defined(1))), (0, false));
    assert_eq!(counts(weak(defined(0)), weak(defined(1))), (0, true));
    let twice = joined(defined(0), defined(1)).unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::Ambiguous);
    // A licence that all files have is one.
    let same = Symbol {
        file: 1,
        ..defined(0)
    };
    assert_eq!(counts(defined(0), same), (0, false));
}

#[test]
fn a_definition_counts_before_whoever_wants_it() {
    assert_eq!(counts(wanted(0), defined(1)), (1, false));
    assert_eq!(counts(wanted(0), weak(defined(1))), (1, true));
    assert_eq!(counts(defined(0), weak(wanted(1))), (0, false));
    assert_eq!(counts(weak(defined(0)), wanted(1)), (0, true));
}

#[test]
fn what_one_file_wants_for_certain_is_wanted_for_certain() {
    assert_eq!(counts(weak(wanted(0)), wanted(1)), (0, false));
    assert_eq!(counts(wanted(0), weak(wanted(1))), (0, false));
    assert_eq!(counts(weak(wanted(0)), weak(wanted(1))), (0, true));
}

#[test]
fn what_one_file_hides_is_hidden() {
    let is_hidden = |old, new| joined(old, new).unwrap().hidden;
    assert!(is_hidden(hidden(wanted(0)), defined(1)));
    assert!(is_hidden(defined(0), hidden(wanted(1))));
    assert!(is_hidden(weak(defined(0)), hidden(defined(1))));
    assert!(!is_hidden(wanted(0), defined(1)));
}

#[test]
fn a_function_is_no_variable() {
    let variable = Symbol {
        kind: OBJECT,
        ..weak(defined(1))
    };
    let error = joined(defined(0), variable).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
}
