//! Arguments, figures and files of the benches that write a table; included by each.

/// `[--rounds N] [--write] [WORD]`: only what has this word in its title.
pub struct Options {
    pub rounds: usize,
    word: String,
    write: bool,
}

impl Options {
    pub fn of_arguments() -> Self {
        let mut options = Self {
            rounds: 31,
            word: String::new(),
            write: false,
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--rounds" => {
                    let rounds = args.next().and_then(|n| n.parse().ok());
                    options.rounds = rounds.expect("--rounds N");
                }
                "--write" => options.write = true,
                option if option.starts_with('-') => panic!("unknown argument {option}"),
                _ => options.word = arg,
            }
        }
        options
    }

    /// Whether what has this title is wanted.
    pub fn wants(&self, title: &str) -> bool {
        title.contains(&self.word)
    }

    /// Prints the text, and keeps it in `file` if that is wanted.
    pub fn finish(&self, text: &str, file: &str) {
        println!("{text}");
        if self.write {
            std::fs::write(file, text).expect(file);
        }
    }
}

/// User and system time of this process so far: other processes do not count.
pub fn cpu_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel fills the structure.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(done, 0);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The running kernel's release.
pub fn kernel() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.trim().to_owned()
}

pub fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}
