extension HTMLReport {
    /// Two palettes, one layout; system fonts only.
    static let styleSheet: HTML = """
        :root { color-scheme: light dark;
          --paper: #f6f7f9; --card: #fff; --ink: #1b1f26; --soft: #5b6472; --line: #dfe3e8; --code: #f0f2f5;
          --pass: #17703a; --pass-bg: #e3f4e9; --fail: #b3202b; --fail-bg: #fce8e8; --open: #865300; --open-bg: #fdf1d8;
          --skip: #5b6472; --skip-bg: #eceff3; --blue: #2f6fb7; --blue-bg: #bcd6f2;
          --asleep: #c9cfea; --waking: #f5d48a; --up: #a9dcb9; --unknown: #d9dde3; --inside: #1b1f26; }
        @media (prefers-color-scheme: dark) { :root {
          --paper: #12151a; --card: #1b1f26; --ink: #e8ebef; --soft: #a0a9b6; --line: #323943; --code: #242a33;
          --pass: #6fd394; --pass-bg: #173524; --fail: #ff8a8a; --fail-bg: #43191d; --open: #f0c060; --open-bg: #3c2d0e;
          --skip: #a0a9b6; --skip-bg: #2a3039; --blue: #7fb5f0; --blue-bg: #2b4d75;
          --asleep: #464f86; --waking: #7d5c14; --up: #256b3f; --unknown: #414853; --inside: #f4f6f8; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 1080px; padding: 24px 20px 40px; background: var(--paper); color: var(--ink);
          font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
        code, pre { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
          overflow-wrap: anywhere; }
        h1 { margin: 0; font-size: 16px; font-weight: 600; color: var(--soft); }
        h2 { margin: 0 0 6px; font-size: 20px; line-height: 1.3; }
        h2 small { margin-left: 8px; font-size: 13px; font-weight: 400; color: var(--soft); }
        small { color: var(--soft); }
        header, section { margin-bottom: 20px; padding: 22px 24px; background: var(--card);
          border: 1px solid var(--line); border-radius: 12px; }
        header { border-top-width: 6px; }
        header.pass { border-top-color: var(--pass); }
        header.fail { border-top-color: var(--fail); }
        header.open { border-top-color: var(--open); }
        header p { margin: 4px 0 0; }
        .target code { font-size: 15px; }
        .verdict { font-size: 15px; color: var(--soft); }
        .verdict strong { display: block; font-size: 34px; line-height: 1.25; }
        .pass .verdict strong { color: var(--pass); }
        .fail .verdict strong { color: var(--fail); }
        .open .verdict strong { color: var(--open); }
        .tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: 18px 0 0; padding: 0; list-style: none; }
        .tiles li { padding: 6px 14px; border-radius: 8px; }
        .tiles b { font-size: 18px; font-variant-numeric: tabular-nums; }
        .tiles .none { color: var(--soft); background: none; box-shadow: inset 0 0 0 1px var(--line); }
        .tiles .pass, .badge.pass, .grid .pass { color: var(--pass); background: var(--pass-bg); }
        .tiles .fail, .badge.fail, .grid .fail { color: var(--fail); background: var(--fail-bg); }
        .tiles .open, .badge.open, .grid .open { color: var(--open); background: var(--open-bg); }
        .tiles .skip, .badge.skip, .grid .skip { color: var(--skip); background: var(--skip-bg); }
        .lead { margin: 0 0 14px; max-width: 76ch; color: var(--soft); overflow-wrap: anywhere; }
        .wide { overflow-x: auto; }
        svg { display: block; width: 100%; min-width: 640px; height: auto; font-size: 14px; }
        svg text { fill: var(--ink); }
        svg .name { text-anchor: end; }
        svg .tick { text-anchor: middle; font-size: 12px; fill: var(--soft); }
        svg .strong { fill: var(--ink); font-weight: 600; }
        svg .inside { text-anchor: middle; font-size: 13px; fill: var(--inside); }
        svg .value { font-variant-numeric: tabular-nums; font-weight: 600; }
        svg .grid { stroke: var(--line); }
        svg .lead { stroke: var(--blue-bg); stroke-width: 4; stroke-linecap: round; }
        svg .mark { fill: var(--blue); stroke: var(--card); stroke-width: 2; }
        svg .bar { fill: var(--blue-bg); }
        svg .whisker { fill: none; stroke: var(--blue); stroke-width: 2; }
        svg .equal { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 4; }
        svg .state { stroke: var(--card); }
        .state.asleep { fill: var(--asleep); background: var(--asleep); }
        .state.waking { fill: var(--waking); background: var(--waking); }
        .state.up { fill: var(--up); background: var(--up); }
        .state.unknown { fill: var(--unknown); background: var(--unknown); }
        .legend { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 10px 0 0; padding: 0; list-style: none;
          font-size: 13px; color: var(--soft); }
        .legend i { display: inline-block; width: 12px; height: 12px; margin-right: 6px; border-radius: 3px; }
        table { width: 100%; border-collapse: collapse; }
        th { text-align: left; font-weight: 600; }
        thead th { padding: 8px 10px; font-size: 13px; color: var(--soft); border-bottom: 1px solid var(--line); }
        .checks { min-width: 720px; table-layout: fixed; }
        .checks th:first-child { width: 142px; }
        .checks th:nth-child(2) { width: 36%; }
        .checks th:last-child { width: 76px; }
        .checks td { padding: 10px; vertical-align: top; border-bottom: 1px solid var(--line); }
        .checks tr:last-child td { border-bottom: 0; }
        .checks p { margin: 2px 0 0; color: var(--soft); font-size: 14px; }
        .checks .seen { margin: 0; color: var(--ink); overflow-wrap: anywhere; }
        .checks .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .badge { display: inline-block; padding: 1px 9px; border-radius: 999px; font-size: 12px; font-weight: 700;
          white-space: nowrap; }
        details { margin-top: 8px; }
        summary { cursor: pointer; font-size: 13px; color: var(--blue); }
        dl { margin: 6px 0 0; }
        dt { font-size: 12px; color: var(--soft); }
        dd { margin: 2px 0 8px; }
        pre { margin: 0; padding: 8px 10px; max-height: 22em; overflow: auto; white-space: pre-wrap;
          background: var(--code); border-radius: 6px; }
        table.grid { min-width: 680px; table-layout: fixed; border-collapse: separate; border-spacing: 4px; }
        table.grid thead th { border: 0; padding: 4px 10px; text-align: center; }
        table.grid thead th:first-child { width: 19%; text-align: left; }
        table.grid tbody th { padding: 0 10px; }
        table.grid td { padding: 9px 10px; text-align: center; border-radius: 8px; }
        table.grid td b { display: block; font-size: 16px; font-variant-numeric: tabular-nums; }
        table.grid td span { font-size: 12px; }
        table.grid td b span { font-size: 16px; }
        table.grid .absent { color: var(--soft); box-shadow: inset 0 0 0 1px var(--line); }
        .spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
        footer { text-align: center; font-size: 13px; color: var(--soft); }
        :focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
        @media print { body { max-width: none; background: none; } header, section { break-inside: avoid-page; } }

        """
}
