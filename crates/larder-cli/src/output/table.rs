//! Tables for humans.

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment};

/// A table without lines. Its columns are as wide as their longest text.
#[derive(Debug)]
pub(crate) struct Table {
    aligns: Vec<Align>,
    table: comfy_table::Table,
}

/// A column of a table, with its title.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<'a> {
    title: &'a str,
    align: Align,
}

/// Where the texts of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Align {
    Left,
    Right,
}

/// Returns a column of texts.
pub(crate) const fn text(title: &str) -> Column<'_> {
    Column { title, align: Align::Left }
}

/// Returns a column of numbers.
pub(crate) const fn number(title: &str) -> Column<'_> {
    Column { title, align: Align::Right }
}

impl Table {
    /// Returns a table with these columns.
    pub(crate) fn new<const N: usize>(columns: [Column<'_>; N]) -> Self {
        let aligns = columns.map(|column| column.align).to_vec();
        let mut table = Self { aligns, table: comfy_table::Table::new() };
        let titles = columns.map(|column| column.title.to_owned());
        table.table.load_style(NOTHING).set_header(cells(&table.aligns, titles));
        table
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, texts: [String; N]) {
        self.table.add_row(cells(&self.aligns, texts));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Returns the table without spaces at the ends of its lines.
    pub(crate) fn to_text(&self) -> String {
        // The first column has a padding too.
        let lines =
            self.table.lines().map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned());
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn cells<const N: usize>(aligns: &[Align], texts: [String; N]) -> Vec<Cell> {
    let cell = |(text, align): (String, &Align)| match align {
        Align::Left => Cell::new(text),
        Align::Right => Cell::new(text).set_alignment(CellAlignment::Right),
    };
    texts.into_iter().zip(aligns).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_on_the_right() {
        let mut table = Table::new([text("name"), number("bytes")]);
        assert!(table.is_empty());
        table.row(["a".to_owned(), "1.0 KiB".to_owned()]);
        table.row(["long name".to_owned(), "7 B".to_owned()]);
        assert_eq!(table.to_text(), "name         bytes\na          1.0 KiB\nlong name      7 B");
    }
}
