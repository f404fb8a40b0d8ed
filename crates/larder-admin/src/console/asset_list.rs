//! The files of the console, compiled into the crate.

/// A file that is served as it is.
#[derive(Debug)]
pub(super) struct Asset {
    /// The path below the console.
    pub(super) path: &'static str,
    pub(super) text: &'static str,
}

macro_rules! assets {
    ($($path:literal),* $(,)?) => {
        &[$(Asset { path: $path, text: include_str!($path) }),*]
    };
}

pub(super) const ASSETS: &[Asset] = assets![
    "assets/announce.js",
    "assets/api.js",
    "assets/app.js",
    "assets/components/bar.js",
    "assets/components/bars.js",
    "assets/components/chart.js",
    "assets/components/choice.js",
    "assets/components/figures-table.js",
    "assets/components/figures.js",
    "assets/components/navigation.js",
    "assets/components/notice.js",
    "assets/components/plot-options.js",
    "assets/components/table.js",
    "assets/feed.js",
    "assets/format.js",
    "assets/icon.svg",
    "assets/main.js",
    "assets/pages/index.js",
    "assets/pages/login.js",
    "assets/pages/overview.js",
    "assets/pages/stub.js",
    "assets/poll.js",
    "assets/range.js",
    "assets/route.js",
    "assets/sample.js",
    "assets/sampler.js",
    "assets/series.js",
    "assets/session.js",
    "assets/store.js",
    "assets/style/controls.css",
    "assets/style/figures.css",
    "assets/style/layout.css",
    "assets/style/tables.css",
    "assets/style/theme.css",
    "assets/theme.js",
    "vendor/htm-preact-standalone.module.js",
    "vendor/uPlot.esm.js",
    "vendor/uPlot.min.css",
];
