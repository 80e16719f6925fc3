//! Answers of probes, and where they are remembered.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU8, Ordering};
use skep_codec::Errno;
use skep_codec::btf::TypeId;
use skep_sys::once::Once;

/// The answer of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The kernel did it.
    Yes,
    /// The kernel refused it in the way that means "I do not know this".
    No,
    /// It could not be asked: missing privilege, no memory. Never taken for "no".
    Unknown(Errno),
}

impl Answer {
    /// Whether to go on as if the kernel could: everything but a plain "no".
    pub fn is_usable(self) -> bool {
        self != Self::No
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yes => f.write_str("yes"),
            Self::No => f.write_str("no"),
            Self::Unknown(errno) => match errno.name() {
                Some(name) => write!(f, "unknown ({name})"),
                None => write!(f, "unknown ({errno})"),
            },
        }
    }
}

const YES: u8 = 1;
const NO: u8 = 2;

/// Certain answers to numbered questions; 0 for what was not asked yet.
#[derive(Default)]
pub(crate) struct Answers(Once<Box<[AtomicU8]>>);

impl Answers {
    /// The answer to question `index` of `count`: asked if it is not remembered, and remembered if
    /// it is certain.
    pub(crate) fn ask(&self, count: usize, index: usize, ask: &dyn Fn() -> Answer) -> Answer {
        let cells = self
            .0
            .get_or_init(|| (0..count).map(|_| AtomicU8::new(0)).collect());
        let Some(cell) = cells.get(index) else {
            return ask();
        };
        match cell.load(Ordering::Relaxed) {
            YES => return Answer::Yes,
            NO => return Answer::No,
            _ => {}
        }
        let answer = ask();
        match answer {
            Answer::Yes => cell.store(YES, Ordering::Relaxed),
            Answer::No => cell.store(NO, Ordering::Relaxed),
            Answer::Unknown(_) => {}
        }
        answer
    }
}

/// What has been learnt of a kernel by trying.
#[derive(Default)]
pub(crate) struct Probes {
    pub(crate) features: Answers,
    pub(crate) prog_types: Answers,
    pub(crate) map_types: Answers,
    pub(crate) helpers: Answers,
    /// Kernel types that programs are loaded for to ask about helpers.
    pub(crate) targets: Once<Vec<TypeId>>,
}

#[cfg(test)]
mod tests {
    use super::{Answer, Answers};
    use core::cell::Cell;
    use skep_codec::Errno;

    #[test]
    fn what_is_certain_is_asked_once() {
        let asked = Cell::new(0);
        let ask = |answers: &Answers, index, answer| {
            answers.ask(3, index, &|| {
                asked.set(asked.get() + 1);
                answer
            })
        };
        let answers = Answers::default();
        let refused = Answer::Unknown(Errno::EPERM);
        assert_eq!(ask(&answers, 1, refused), refused);
        assert_eq!(ask(&answers, 1, Answer::No), Answer::No);
        assert_eq!(ask(&answers, 1, Answer::Yes), Answer::No);
        assert_eq!(ask(&answers, 2, Answer::Yes), Answer::Yes);
        assert_eq!(ask(&answers, 2, Answer::No), Answer::Yes);
        assert_eq!(asked.get(), 3);
        // Beyond the table nothing is remembered, and nothing breaks.
        assert_eq!(ask(&answers, 3, Answer::Yes), Answer::Yes);
        assert_eq!(ask(&answers, 3, Answer::No), Answer::No);
    }
}
