//! Says what is in a BPF object file, without asking any kernel: `inspect FILE...`.

use skep::ObjectSpec;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let spec = ObjectSpec::open(&path)?;
        println!(
            "{path}: {} for {:?}-endian machines",
            spec.name, spec.endian
        );
        for program in &spec.programs {
            let target = program.target.as_deref().unwrap_or("-");
            print!(
                "  program {} ({}): {}",
                program.name, program.section, program.prog_type
            );
            println!(", target {target}");
            if let Some(error) = &program.error {
                println!("    cannot be loaded: {error}");
            }
        }
        for map in &spec.maps {
            let (key, value, entries) = (map.key_size, map.value_size, map.max_entries);
            println!(
                "  map {}: {}, {key} -> {value} bytes, {entries} entries",
                map.name, map.map_type
            );
        }
        for variable in &spec.variables {
            println!("  variable {}: {} bytes", variable.name, variable.size);
        }
        for warning in &spec.warnings {
            println!("  warning: {warning}");
        }
    }
    Ok(())
}
