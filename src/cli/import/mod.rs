//! `throughway import`: prints our settings for another gateway's configuration, and lists what it
//! could not carry over. It reads one file and changes nothing.

pub mod args;
mod judge;
mod litellm;
mod portkey;
mod report;
mod source;
#[cfg(test)]
mod tests;
mod texts;
mod yaml;

use std::{
    fs::File,
    io::{self, Read as _, Write},
    path::Path,
};

use self::{
    args::{ImportArgs, ImportCommand},
    report::Report,
    yaml::Out,
};

/// The largest file in bytes; a path may name a device that has no end.
const MAX_FILE: u64 = 4 * 1024 * 1024;
/// Nothing could be carried over.
const NOTHING: u8 = 2;

/// Prints the settings on `out` and what is missing in them on `err`; returns the exit code.
///
/// # Errors
/// `out` or `err` cannot be written.
pub fn run(command: &ImportCommand, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let (ImportCommand::Litellm(args) | ImportCommand::Portkey(args)) = command;
    let text = match read(&args.file) {
        Ok(text) => text,
        Err(error) => {
            writeln!(err, "error: {}: cannot read: {error}", args.file.display())?;
            return Ok(NOTHING);
        }
    };
    let imported = match command {
        ImportCommand::Litellm(_) => litellm::import(&text).map_err(|error| {
            let place = error.position;
            format!("{}:{}: {}", place.line, place.column, error.message)
        }),
        ImportCommand::Portkey(_) => portkey::import(&text).map_err(|reason| format!(" {reason}")),
    };
    match imported {
        Ok((settings, report)) => print(args, settings, report, out, err),
        Err(error) => {
            writeln!(err, "error: {}:{error}", args.file.display())?;
            Ok(NOTHING)
        }
    }
}

fn print(
    args: &ImportArgs,
    settings: Vec<(String, Out)>,
    report: Report,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    report.print(&args.file, err)?;
    if settings.is_empty() {
        writeln!(
            err,
            "error: {}: nothing could be carried over",
            args.file.display()
        )?;
        return Ok(NOTHING);
    }
    writeln!(
        out,
        "# Made by `throughway import`. Check it with `throughway check FILE`."
    )?;
    out.write_all(Out::Map(settings).document().as_bytes())?;
    Ok(0)
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        let message = format!("it is larger than {} MiB", MAX_FILE / (1024 * 1024));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))?;
    // Some editors begin a file with a byte order mark.
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}
