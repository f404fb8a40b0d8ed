//! A browser does not outlive its test.

use std::process::Command;

use larder_browser::Browser;

use crate::fixture::run;

#[test]
fn smoke() {
    run(async |fixture| {
        fixture.browser.open(&format!("http://{}/healthz", fixture.site.addrs[0])).await?;
        let text: String = fixture.browser.run("return document.body.innerText", &[]).await?;
        assert_eq!(text, "ok");
        let twice: u32 = fixture.browser.run_async("await 1; return arguments[0] * 2", &[4.into()]).await?;
        println!("{twice:?} {:?}", fixture.browser.exchanges().await?);
        println!("{:?}", fixture.browser.complaints().await?);
        Ok(())
    });
}
