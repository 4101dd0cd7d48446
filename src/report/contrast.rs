//! Whether styles can be read in the themes that people have.

/// The sixteen colours of terminals as they come, with a background and a foreground that they come with.
struct Theme {
    name: &'static str,
    background: u32,
    foreground: u32,
    colors: [u32; 16],
}

/// <https://en.wikipedia.org/wiki/ANSI_escape_code#Colors> has those of terminals, <https://ethanschoonover.com/solarized>
/// its own.
const VGA: [u32; 16] = [
    0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa, 0x555555, 0xff5555, 0x55ff55,
    0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff,
];
const XTERM: [u32; 16] = [
    0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00,
    0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
];
const WINDOWS: [u32; 16] = [
    0x0c0c0c, 0xc50f1f, 0x13a10e, 0xc19c00, 0x0037da, 0x881798, 0x3a96dd, 0xcccccc, 0x767676, 0xe74856, 0x16c60c,
    0xf9f1a5, 0x3b78ff, 0xb4009e, 0x61d6d6, 0xf2f2f2,
];
const MACOS: [u32; 16] = [
    0x000000, 0x990000, 0x00a600, 0x999900, 0x0000b2, 0xb200b2, 0x00a6b2, 0xbfbfbf, 0x666666, 0xe50000, 0x00d900,
    0xe5e500, 0x0000ff, 0xe500e5, 0x00e5e5, 0xe5e5e5,
];
const SOLARIZED: [u32; 16] = [
    0x073642, 0xdc322f, 0x859900, 0xb58900, 0x268bd2, 0xd33682, 0x2aa198, 0xeee8d5, 0x002b36, 0xcb4b16, 0x586e75,
    0x657b83, 0x839496, 0x6c71c4, 0x93a1a1, 0xfdf6e3,
];

const fn theme(name: &'static str, background: u32, foreground: u32, colors: [u32; 16]) -> Theme {
    Theme {
        name,
        background,
        foreground,
        colors,
    }
}

const THEMES: [Theme; 9] = [
    theme("VGA", 0x000000, 0xaaaaaa, VGA),
    theme("xterm", 0xffffff, 0x000000, XTERM),
    theme("xterm, dark", 0x000000, 0xe5e5e5, XTERM),
    theme("Windows", 0x0c0c0c, 0xcccccc, WINDOWS),
    theme("Windows, light", 0xffffff, 0x000000, WINDOWS),
    theme("macOS", 0xffffff, 0x000000, MACOS),
    theme("macOS, dark", 0x000000, 0xf2f2f2, MACOS),
    theme("Solarized", 0x002b36, 0x839496, SOLARIZED),
    theme("Solarized, light", 0xfdf6e3, 0x657b83, SOLARIZED),
];

/// Below this, what is read last from the back row isn't read at all. WCAG asks 3 of what is large or bold; green on xterm's
/// white, and the dark red of macOS on black, are below that, and a word always says the same.
const LEAST: f64 = 2.1;

/// Panics where a style, given by the numbers of its colours, can't be told from what is behind it.
pub fn check(name: &str, foreground: Option<usize>, background: Option<usize>) {
    for theme in &THEMES {
        let of = |color: Option<usize>, default| color.map_or(default, |number| theme.colors[number]);
        let (front, behind) = (of(foreground, theme.foreground), of(background, theme.background));
        let ratio = contrast(front, behind);
        assert!(ratio >= LEAST, "{name} has a contrast of {ratio:.1} in {}", theme.name);
    }
}

/// <https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>
fn contrast(one: u32, other: u32) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// <https://www.w3.org/TR/WCAG22/#dfn-relative-luminance>
fn luminance(color: u32) -> f64 {
    let channel = |shift: u32| {
        let value = f64::from(color >> shift & 0xff) / 255.0;
        match value <= 0.04045 {
            true => value / 12.92,
            false => ((value + 0.055) / 1.055).powf(2.4),
        }
    };
    0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
}

#[test]
fn black_and_white_are_as_far_apart_as_can_be() {
    assert!((contrast(0x000000, 0xffffff) - 21.0).abs() < 0.01);
    assert!((contrast(0x777777, 0xffffff) - 4.48).abs() < 0.01);
}
