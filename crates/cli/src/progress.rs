//! Progress on standard error: a bar on a terminal, rare lines in a log, or nothing.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use annstream_core::progress::{Progress, Silent};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::printer::{Level, Printer};

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// A bar on a terminal, nothing elsewhere.
    #[default]
    Auto,
    /// A bar.
    Bar,
    /// A line every 30 seconds.
    Plain,
    /// Nothing.
    Off,
}

/// Somebody who shows progress in the given way.
pub(crate) fn watcher(mode: Mode, printer: Printer) -> Arc<dyn Progress> {
    let mode = match mode {
        Mode::Auto if std::io::stderr().is_terminal() && printer.level > Level::Quiet => Mode::Bar,
        Mode::Auto => Mode::Off,
        mode => mode,
    };
    match mode {
        Mode::Bar => Arc::new(Bar(Mutex::new(ProgressBar::hidden()))),
        Mode::Plain => Arc::new(Plain { printer, state: Mutex::new(None) }),
        Mode::Auto | Mode::Off => Arc::new(Silent),
    }
}

struct Bar(Mutex<ProgressBar>);

impl Bar {
    fn with(&self, action: impl FnOnce(&mut ProgressBar)) {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Progress for Bar {
    fn begin(&self, stage: &str, total: u64, unit: &str) {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let template = format!("{{msg:20}} {{bar:32}} {{human_pos}}/{{human_len}} {unit} {{elapsed}} (left: {{eta}})");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_message(stage.to_owned());
        self.with(|current| *current = bar);
    }

    fn advance(&self, amount: u64) {
        self.with(|bar| bar.inc(amount));
    }

    fn end(&self) {
        self.with(|bar| bar.finish_and_clear());
    }
}

struct Plain {
    printer: Printer,
    state: Mutex<Option<Stage>>,
}

struct Stage {
    name: String,
    total: u64,
    unit: String,
    done: u64,
    said: Instant,
}

impl Progress for Plain {
    fn begin(&self, stage: &str, total: u64, unit: &str) {
        self.printer.note(&format!("{stage}: {total} {unit}"));
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Stage { name: stage.to_owned(), total, unit: unit.to_owned(), done: 0, said: Instant::now() });
    }

    fn advance(&self, amount: u64) {
        if let Some(stage) = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            stage.done += amount;
            if stage.said.elapsed() > Duration::from_secs(30) {
                stage.said = Instant::now();
                let percent = stage.done * 100 / stage.total.max(1);
                let Stage { name, done, total, unit, .. } = stage;
                self.printer.note(&format!("{name}: {done} of {total} {unit} ({percent} %)"));
            }
        }
    }

    fn end(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
