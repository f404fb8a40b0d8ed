//! A terminal without a screen.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A pseudo-terminal: the end that a program uses, and the end that sees what it writes.
pub(crate) struct Terminal {
    user: File,
    screen: OwnedFd,
}

impl Terminal {
    pub(crate) fn open() -> Self {
        let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&screen).unwrap();
        unlockpt(&screen).unwrap();
        let name = ptsname(&screen, Vec::new()).unwrap();
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let user = OpenOptions::new().read(true).write(true).open(path).unwrap();
        tcsetwinsize(user.as_fd(), Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        Self { user, screen }
    }

    /// Returns an output of a program that goes to this terminal.
    pub(crate) fn output(&self) -> Stdio {
        self.user.try_clone().unwrap().into()
    }

    /// Returns everything that comes until the last program has closed the terminal.
    pub(crate) fn read(self) -> String {
        drop(self.user);
        let (mut screen, mut shown, mut part) = (File::from(self.screen), Vec::new(), [0; 4096]);
        // Linux has an error in place of the end.
        while let Ok(length @ 1..) = screen.read(&mut part) {
            shown.extend_from_slice(&part[..length]);
        }
        String::from_utf8(shown).unwrap()
    }
}
