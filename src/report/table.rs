//! Tables, and what stands for them where there is no room, or where nobody sees columns.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, presets};

use super::plain;
use super::style::{STRONG, paint, wrapped_to};

/// Rows under their headings, in lines of so many columns. What doesn't fit has an entry a row instead: its first cell, and
/// below it the others behind their headings. So has what is to be read out, a line a cell. Cells that are empty are left
/// out there.
pub fn text(headings: &[&str], rows: &[Vec<String>], width: Option<usize>) -> String {
    if plain::is() {
        return entries(headings, rows);
    }
    let table = table(headings, rows);
    let widest = table
        .lines()
        .map(textwrap::core::display_width)
        .max()
        .unwrap_or_default();
    match width.filter(|width| widest > *width) {
        Some(width) => paragraphs(headings, rows, width),
        None => table,
    }
}

fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(headings.iter().map(|heading| paint(STRONG, heading)));
    for row in rows {
        table.add_row(row);
    }
    let mut out = String::new();
    for line in table.trim_fmt().lines() {
        let _ = writeln!(out, "{line}");
    }
    out
}

/// A line a cell, and nothing to be seen between them.
fn entries(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    for row in rows {
        for (place, (heading, cell)) in headings.iter().zip(row).enumerate() {
            let indent = if place == 0 { "" } else { "  " };
            if !cell.is_empty() {
                let _ = writeln!(out, "{indent}{heading}: {cell}");
            }
        }
    }
    out
}

fn paragraphs(headings: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let mut out = String::new();
    for row in rows {
        let mut cells = headings.iter().zip(row);
        if let Some((_, first)) = cells.next() {
            let _ = writeln!(out, "{}", wrapped_to(Some(width), first, "", "  "));
        }
        // A heading isn't parted from a cell that fits behind it.
        let cells = cells.filter(|(_, cell)| !cell.is_empty());
        let cells: Vec<String> = cells.map(|(heading, cell)| format!("{heading}\u{a0}{cell}")).collect();
        let text = wrapped_to(Some(width), &cells.join(", "), "  ", "    ").replace('\u{a0}', " ");
        let _ = writeln!(out, "{text}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADINGS: [&str; 3] = ["environment", "state", "age"];

    fn said(width: Option<usize>) -> String {
        let rows = [
            vec![
                paint(STRONG, "photo-lab"),
                "UPDATE_COMPLETE".to_owned(),
                "3h".to_owned(),
            ],
            vec!["b".to_owned(), String::new(), "1 d".to_owned()],
        ];
        anstream::adapter::strip_str(&text(&HEADINGS, &rows, width)).to_string()
    }

    #[test]
    fn a_table_that_does_not_fit_is_told_row_by_row() {
        let table = " environment  state            age\n photo-lab    UPDATE_COMPLETE  3h\n b                             1 d\n";
        assert_eq!(said(None), table);
        assert_eq!(said(Some(34)), table);
        let narrow = "photo-lab\n  state UPDATE_COMPLETE, age 3h\nb\n  age 1 d\n";
        assert_eq!(said(Some(33)), narrow);
    }

    #[test]
    fn read_out_each_cell_has_its_heading() {
        let rows = [vec!["photo-lab".to_owned(), String::new(), "3h".to_owned()]];
        assert_eq!(entries(&HEADINGS, &rows), "environment: photo-lab\n  age: 3h\n");
    }
}
