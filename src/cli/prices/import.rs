//! `throughway prices import`.

use std::{
    fs,
    io::{self, Write},
};

use super::ImportArgs;
use crate::price::import;

/// Prints what was taken and what not; writes the file only if all of it can be used.
pub fn run(args: &ImportArgs, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let path = args.file.display();
    let imported = match import(&args.file) {
        Ok(imported) => imported,
        Err(error) => {
            writeln!(err, "error: {path}: {error}")?;
            return Ok(1);
        }
    };
    let (format, count) = (imported.file.format(), imported.file.models().count());
    writeln!(out, "{path}: {format}, prices of {count} models")?;
    for (what, times) in imported.file.ignored() {
        writeln!(out, "  not counted: {what}, {times} times")?;
    }
    let Some(target) = &args.out else {
        return Ok(0);
    };
    if let Err(error) = fs::write(target, imported.text) {
        writeln!(
            err,
            "error: {} cannot be written: {error}",
            target.display()
        )?;
        return Ok(1);
    }
    writeln!(out, "written: {}", target.display())?;
    Ok(0)
}
