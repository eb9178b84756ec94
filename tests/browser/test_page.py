"""The council's page in a real browser: what it shows, how it changes, and how it behaves when something is missing."""

import json
import re
import subprocess
from collections.abc import Generator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from presentation.words import Label
from tests.browser.city import LONG_NAME, CityProgram, PageCity, pontianak
from tests.browser.page_server import PageServer
from tests.parts.waiting import until

PLAN = "kota-pontianak-2019-2028"
END_OF_2021 = date(2021, 12, 31)
WEIGHT_LIMIT_BYTES = 200 * 1024
NEXT = "ENV-059"  # in progress at the end of 2021


@pytest.fixture
def server() -> Generator[PageServer]:
    with PageServer(pontianak(), opening={"plan": PLAN, "as_of": "2021-12-31"}) as running:
        yield running


@pytest.fixture
def page(page: Page) -> Generator[Page]:
    """The page of a laptop; a script error or a breach of the security header fails the test."""
    wrong: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # a browser writes every answer that is no success to the console; the tests that ask for one expect it
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            wrong.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.set_viewport_size({"width": 1366, "height": 768})
    yield page
    assert wrong == []


def shown(page: Page, server: PageServer, query: str = "") -> Page:
    """Open the page and wait until it listens and all its parts are there: but for the table, read when it comes near."""
    page.goto(server.url + query)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    expect(page.get_by_test_id("departments-on_time")).to_be_visible()
    expect(page.locator("#changes .rows, #changes .empty").first).to_be_attached()
    expect(page.locator("#previous .sentence")).to_be_visible()
    expect(page.locator("#main section:not(#programs) .loading")).to_have_count(0)
    return page


class TestTheFiveQuestions:
    def test_how_far_in_indonesian(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        expect(page.locator("html")).to_have_attribute("lang", "id")
        expect(page.get_by_test_id("overall-percent")).to_have_text("49,06 %")
        expect(page.get_by_test_id("overall-sentence")).to_have_text(
            "209 dari 426 program terealisasi: 49,06 %, per tanggal 31 Desember 2021."
        )

    def test_how_far_in_english(self, page: Page, server: PageServer) -> None:
        shown(page, server, "?lang=en&as_of=2020-12-31")
        expect(page.get_by_test_id("overall-sentence")).to_have_text(
            "155 of 426 programs are realized: 36.38 %, as of 31 December 2020."
        )

    def test_the_year_before_stands_beside_it_and_is_fixed(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        expect(page.get_by_test_id("fixed-percent")).to_have_text("36,38 %")
        expect(page.get_by_test_id("fixed-sentence")).to_have_text(
            "155 dari 426 program terealisasi, per tanggal 31 Desember 2020."
        )
        expect(page.locator("#previous")).to_contain_text("Tetap")
        expect(page.locator("#previous")).to_contain_text("+54 program sejak itu")

    def test_whether_that_is_good(self, page: Page, server: PageServer) -> None:
        shown(page, server, "?as_of=2020-12-31")
        expect(page.get_by_test_id("target")).to_contain_text("Rencana mengharapkan 20,00 % pada tanggal ini.")
        expect(page.get_by_test_id("band")).to_have_text("Capaian 181,92 % dari target: Sangat tinggi.")

    def test_where_in_the_fixed_order(self, page: Page, server: PageServer) -> None:
        shown(page, server, "?as_of=2020-12-31")
        names = page.locator(".multiples h3").all_inner_texts()
        assert names == ["Tata kelola", "Branding", "Ekonomi", "Kehidupan", "Masyarakat", "Lingkungan"]
        governance = page.get_by_test_id("dimension-governance")
        expect(governance.get_by_test_id("dimension-percent")).to_have_text("47,92 %")
        expect(governance).to_contain_text("46 dari 96")
        assert governance.locator("svg[role=img]").first.get_attribute("aria-label")

    def test_who_is_missing_by_name(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        missing = page.locator("#departments > .rows > li")
        expect(missing).to_have_count(4)
        assert missing.evaluate_all("rows => rows.map((row) => row.dataset.state)") == [
            "never",
            "silent",
            "late",
            "late",
        ]
        expect(missing.first).to_contain_text("Dinas Perpustakaan dan Kearsipan")
        expect(missing.nth(1)).to_contain_text("4 periode terlewat")

    def test_what_changed(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        changes = page.get_by_test_id("changes")
        expect(changes).to_contain_text("dari 36,38 % menjadi 49,06 %")
        expect(page.get_by_test_id("changes-realized")).to_have_text(re.compile(r"60 menjadi terealisasi"))
        expect(page.get_by_test_id("changes-withdrawn")).to_have_text(re.compile(r"6 ditarik kembali"))

    def test_all_five_are_on_a_laptop_without_scrolling(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        for question in ("headline", "target", "dimensions", "departments", "changes"):
            box = page.locator(f"#{question}").bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= 768, question
        assert page.evaluate("scrollY") == 0

    def test_claimed_and_verified_are_both_there_on_either_basis(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        counts = page.get_by_test_id("counts")
        expect(counts).to_contain_text("209 diklaim")
        expect(counts).to_contain_text("54 terverifikasi")
        page.get_by_test_id("basis-verified").click()
        expect(page.get_by_test_id("overall-percent")).to_have_text("12,68 %")
        expect(page.get_by_test_id("overall-sentence")).to_contain_text(
            "54 dari 426 program terealisasi dan terverifikasi"
        )
        expect(counts).to_contain_text("209 diklaim")
        expect(page.locator("#target .bullet-claimed")).to_be_attached()
        expect(page.locator("#target .bullet-verified")).to_be_attached()

    def test_illustrative_data_says_so_in_both_languages(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        expect(page.get_by_test_id("illustrative")).to_have_text("Data ilustratif")
        page.get_by_test_id("lang-en").click()
        expect(page.get_by_test_id("illustrative")).to_have_text("Illustrative data")

    def test_it_says_that_it_opened_at_the_opening_date(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        expect(page.get_by_test_id("as-of")).to_have_text("Dibuka pada 31 Desember 2021, tanggal pembuka data ini.")
        expect(page.get_by_test_id("as-of-input")).to_have_value("2021-12-31")

    def test_without_an_opening_it_shows_today_of_the_first_plan(self, page: Page) -> None:
        with PageServer(pontianak()) as server:
            shown(page, server)
            expect(page.get_by_test_id("as-of-today")).to_have_attribute("aria-current", "date")
            assert not any("as_of" in path for path in server.requested if "/stream" in path)


class TestLive:
    def test_a_report_changes_the_figure_and_the_fixed_one_stays(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        page.evaluate("window.sameDocument = true")
        server.report(NEXT)
        expect(page.get_by_test_id("overall-percent")).to_have_text("49,30 %")
        expect(page.get_by_test_id("overall-sentence")).to_contain_text("210 dari 426")
        expect(page.get_by_test_id("dimension-environment").get_by_test_id("dimension-percent")).to_have_text("46,67 %")
        expect(page.get_by_test_id("dimension-environment")).to_have_class(re.compile("moved"))
        expect(page.get_by_test_id("fixed-percent")).to_have_text("36,38 %")
        expect(page.get_by_test_id("changes-realized")).to_contain_text("61")  # asked again by itself
        assert page.evaluate("window.sameDocument")
        assert len([path for path in server.requested if "as_of=2020-12-31" in path and "/realization" in path]) == 1

    def test_the_figure_counts_to_its_value(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        page.evaluate(
            """() => {
                window.seen = [];
                new MutationObserver(() => window.seen.push(document.querySelector("#headline .figure").textContent))
                    .observe(document.querySelector("#headline .figure"), {childList: true, characterData: true, subtree: true});
            }"""
        )
        server.report(NEXT)
        expect(page.get_by_test_id("overall-percent")).to_have_text("49,30 %")
        seen = [float(text.replace("\u00a0%", "").replace(",", ".")) for text in page.evaluate("window.seen")]
        assert len(seen) > 2
        assert seen == sorted(seen)

    def test_with_reduced_motion_nothing_moves(self, page: Page, server: PageServer) -> None:
        page.emulate_media(reduced_motion="reduce")
        shown(page, server)
        page.evaluate(
            """() => {
                window.seen = [];
                new MutationObserver(() => window.seen.push(document.querySelector("#headline .figure").textContent))
                    .observe(document.querySelector("#headline .figure"), {childList: true, characterData: true, subtree: true});
            }"""
        )
        server.report(NEXT)
        expect(page.get_by_test_id("overall-percent")).to_have_text("49,30 %")
        assert set(page.evaluate("window.seen")) == {"49,30\u00a0%"}

    def test_nothing_jumps(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        places = "() => ['headline','previous','target','dimensions','departments','changes'].map((id) => { const box = document.getElementById(id).getBoundingClientRect(); return [box.x, box.y, box.width]; })"
        before = page.evaluate(places)
        server.report(NEXT)
        expect(page.get_by_test_id("overall-percent")).to_have_text("49,30 %")
        expect(page.get_by_test_id("changes-realized")).to_contain_text("61")
        assert page.evaluate(places) == before

    def test_a_change_is_announced_once_and_quietly(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        announcer = page.locator("#announcer")
        expect(announcer).to_have_attribute("aria-live", "polite")
        expect(announcer).to_be_empty()
        for code in (NEXT, "ENV-057"):
            server.report(code)
        expect(announcer).to_have_text("211 dari 426 program terealisasi: 49,53 %, per tanggal 31 Desember 2021.")

    def test_what_a_person_opened_stays_open_and_focused(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        summary = page.locator("#departments summary")
        summary.click()
        server.report(NEXT)
        expect(page.get_by_test_id("changes-realized")).to_contain_text("61")
        expect(page.locator("#departments details")).to_have_attribute("open", "")
        expect(summary).to_be_focused()

    def test_a_lost_connection_is_shown_and_it_catches_up_by_itself(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        connection, banner = page.get_by_test_id("connection"), page.get_by_test_id("banner")
        expect(connection).to_have_text("Langsung")
        server.refusing = True
        server.drop_streams()
        expect(connection).to_have_text("Terputus")
        expect(banner).to_have_text(re.compile(r"Sambungan terputus\. .* terakhir dipastikan pukul \d\d\.\d\d WIB"))
        server.cities[PLAN].report(NEXT, "realized", 100, END_OF_2021, datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
        expect(page.get_by_test_id("overall-percent")).to_have_text("49,06 %")
        server.refusing = False
        expect(connection).to_have_text("Langsung")
        expect(banner).to_be_empty()
        expect(page.get_by_test_id("overall-percent")).to_have_text("49,30 %")
        expect(page.get_by_test_id("changes-realized")).to_contain_text("61")

    def test_a_stream_that_is_refused_is_asked_for_again(self, page: Page, server: PageServer) -> None:
        server.failing["/stream"] = 503
        page.goto(server.url)
        expect(page.get_by_test_id("connection")).to_have_text("Terputus")
        expect(page.get_by_test_id("overall-percent")).to_have_text("49,06 %")
        server.failing.clear()
        expect(page.get_by_test_id("connection")).to_have_text("Langsung")

    def test_a_connection_that_dies_silently_is_noticed(self, page: Page, server: PageServer) -> None:
        page.clock.install()
        shown(page, server)
        server.refusing = True  # the stream stays open, and nothing comes any more
        page.clock.run_for(31_000)
        expect(page.get_by_test_id("connection")).to_have_text("Terputus")
        server.refusing = False
        page.clock.run_for(2_000)
        expect(page.get_by_test_id("connection")).to_have_text("Langsung")

    def test_many_changes_at_once_come_as_a_snapshot_and_are_marked_too(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        server.report(NEXT, "ECO-065", "LIV-077", "SOC-071")
        expect(page.get_by_test_id("overall-percent")).to_have_text(re.compile("^50,00"))
        expect(page.locator(".multiples .moved")).to_have_count(4)

    def test_another_date_closes_the_stream_of_the_former(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        page.goto(server.url + "?as_of=2020-12-31")
        expect(page.get_by_test_id("overall-percent")).to_have_text("36,38 %")
        server.report(NEXT, status="in_progress", physical=91)  # the server notices a closed stream when it next writes
        server.report(NEXT, status="in_progress", physical=92)
        expect(page.get_by_test_id("overall-percent")).to_have_text("36,38 %")

    def test_freshness_ages(self, page: Page, server: PageServer) -> None:
        page.clock.install(time=datetime(2026, 11, 23, 7, 6, tzinfo=UTC))
        shown(page, server)
        expect(page.get_by_test_id("fresh-at")).to_have_text("Mutakhir pada 14.05 WIB (1 menit yang lalu)")
        page.clock.fast_forward("20:00")
        expect(page.get_by_test_id("fresh-at")).to_have_text("Mutakhir pada 14.05 WIB (21 menit yang lalu)")


class TestEveryViewIsALink:
    def test_back_returns_to_the_date_before(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        page.get_by_test_id("as-of-input").fill("2020-12-31")
        expect(page).to_have_url(re.compile("as_of=2020-12-31"))
        expect(page.get_by_test_id("overall-percent")).to_have_text("36,38 %")
        expect(page.get_by_test_id("as-of")).to_have_text("Keadaan per 31 Desember 2020")
        page.go_back()
        expect(page.get_by_test_id("overall-percent")).to_have_text("49,06 %")
        expect(page.get_by_test_id("as-of-input")).to_have_value("2021-12-31")

    def test_the_language_is_in_the_address_remembered_and_keeps_the_place(
        self, page: Page, server: PageServer
    ) -> None:
        shown(page, server, "?as_of=2020-12-31")
        page.get_by_test_id("lang-en").click()
        expect(page).to_have_url(re.compile(r"as_of=2020-12-31.*lang=en"))
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.get_by_test_id("overall-percent")).to_have_text("36.38 %")
        page.goto(server.url)
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page).to_have_url(re.compile("lang=en"))
        expect(page.get_by_test_id("lang-en")).to_have_attribute("aria-current", "true")

    def test_since_another_date(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        page.get_by_test_id("since-input").fill("2021-06-30")
        expect(page).to_have_url(re.compile("since=2021-06-30"))
        expect(page.get_by_test_id("changes")).not_to_contain_text("dari 36,38 %")
        page.get_by_test_id("changes-all").click()
        expect(page).to_have_url(re.compile("changes=all"))
        until(lambda: page.locator("#changes .rows li").count() > 20, what="all changes are listed")

    def test_the_way_into_the_drawer_and_out_by_keyboard(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        opener = page.get_by_test_id("drawer-open")
        opener.focus()
        page.keyboard.press("Enter")
        drawer = page.get_by_test_id("drawer")
        expect(drawer).to_be_visible()
        expect(page).to_have_url(re.compile("group=overall"))
        assert page.evaluate("document.querySelector('#drawer').contains(document.activeElement)")
        for _ in range(12):  # the focus stays inside, or in the browser's own controls
            page.keyboard.press("Tab")
            assert page.evaluate(
                "document.activeElement === document.body || document.querySelector('#drawer').contains(document.activeElement)"
            )
        page.keyboard.press("Escape")
        expect(drawer).to_be_hidden()
        expect(opener).to_be_focused()
        expect(page).not_to_have_url(re.compile("group="))
        page.go_forward()
        expect(drawer).to_be_visible()
        page.go_back()
        expect(drawer).to_be_hidden()

    def test_a_drawer_opened_by_its_link_closes_to_the_page(self, page: Page, server: PageServer) -> None:
        page.goto(server.url + "?group=governance")
        expect(page.locator("#drawer-title")).to_have_text("Angka apa ini? Tata kelola")
        page.get_by_test_id("drawer-close").click()
        expect(page.get_by_test_id("drawer")).to_be_hidden()
        expect(page.get_by_test_id("overall-percent")).to_have_text("49,06 %")

    def test_several_plans_are_ranked_with_a_link_each(self, page: Page) -> None:
        with PageServer(pontianak(), _village(), opening={"plan": PLAN, "as_of": "2021-12-31"}) as server:
            shown(page, server)
            rows = page.locator("#plans tbody tr")
            expect(rows).to_have_count(2)
            expect(rows.nth(1)).to_contain_text("Belum diketahui")
            rows.nth(1).get_by_role("link").click()
            expect(page).to_have_url(re.compile("plan=desa-2020-2029"))
            expect(page.get_by_role("heading", level=1)).to_have_text("Rencana Desa Cerdas")
            expect(page.get_by_test_id("fixed-percent")).to_have_text("–")

    def test_one_plan_needs_no_ranking(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        expect(page.locator("#plans")).to_be_hidden()


class TestWhatIsThisNumber:
    def test_it_explains_itself(self, page: Page, server: PageServer) -> None:
        shown(page, server, "?as_of=2020-12-31&group=overall")
        expect(page.get_by_test_id("equation")).to_have_text("155 ÷ 426 = 36,38 %")
        facts = page.get_by_test_id("figure-facts")
        expect(facts).to_contain_text("share.v1")
        expect(facts).to_contain_text("Versi rencana1")
        expect(facts).to_contain_text(f"catatan nomor {server.cities[PLAN].seq}")
        expect(facts).to_contain_text("181,92 %")
        source = page.get_by_test_id("source-url").get_attribute("href")
        assert source is not None
        answer = json.loads(page.request.get(source).text())
        assert answer["overall"]["share"]["percent"] == "36.38"
        assert f"known_at={server.cities[PLAN].seq}" in source

    def test_every_formula_with_its_value(self, page: Page, server: PageServer) -> None:
        shown(page, server, "?as_of=2020-12-31&group=overall")
        expect(page.get_by_test_id("formula-share")).to_contain_text("36,38 %")
        expect(page.get_by_test_id("formula-dimension_mean")).to_contain_text("35,43 %")
        expect(page.get_by_test_id("formulas").locator("tbody tr")).to_have_count(6)

    def test_a_figure_that_does_not_exist_gives_its_reason(self, page: Page, server: PageServer) -> None:
        server.cities[PLAN].weights_sum_to_100 = False
        shown(page, server, "?group=overall")
        expect(page.get_by_test_id("formula-weighted")).to_contain_text(
            "Bobot program dalam rencana tidak berjumlah 100."
        )
        expect(page.get_by_test_id("formula-weighted")).not_to_contain_text("0,00")
        page.goto(server.url + "?group=overall&lang=en")
        expect(page.get_by_test_id("formula-weighted")).to_contain_text(
            "The weights of the plan's programs do not sum to 100."
        )

    def test_a_dimension_lists_its_sub_dimensions_and_leads_to_its_programs(
        self, page: Page, server: PageServer
    ) -> None:
        shown(page, server, "?group=governance")
        expect(page.get_by_test_id("drawer")).to_contain_text("Layanan publik")
        page.get_by_role("link", name="Lihat program yang membentuk angka ini").click()
        expect(page.get_by_test_id("drawer")).to_be_hidden()
        expect(page.get_by_test_id("programs-total")).to_have_text("50 dari 96 program ditampilkan")
        expect(page.locator("#programs h2")).to_be_focused()


class TestPrograms:
    def test_find_is_one_key_away(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        page.keyboard.press("/")
        expect(page.get_by_test_id("find")).to_be_focused()
        page.keyboard.type("tenun")
        expect(page.locator("#programs tbody tr")).to_have_count(1)
        expect(page.locator("#programs tbody tr")).to_contain_text("Kampung Tenun")
        expect(page).to_have_url(re.compile("q=tenun"))

    def test_filters_by_department_and_state(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        page.get_by_role("link", name="Dinas Perpustakaan dan Kearsipan").click()
        expect(page.get_by_test_id("programs-total")).to_have_text("29 program")
        expect(page.get_by_test_id("filter-department")).to_have_value("perpustakaan")
        first = page.locator("#programs tbody tr").first
        expect(first).to_contain_text("belum pernah dilaporkan")
        expect(first.locator(".mark-unknown")).to_be_attached()
        assert "0 %" not in first.inner_text()
        page.get_by_test_id("filter-department").select_option("")
        expect(page.get_by_test_id("programs-total")).to_have_text("50 dari 426 program ditampilkan")

    def test_sorting_takes_all_programs_and_puts_the_unknown_last(self, page: Page, server: PageServer) -> None:
        shown(page, server, "?sort=physical&dimension=environment")
        page.get_by_role("button", name=re.compile("Tampilkan 10 berikutnya")).click()
        expect(page.get_by_test_id("programs-total")).to_have_text("60 program")
        physical = page.locator("#programs tbody td.number:nth-child(6)").all_inner_texts()
        values = [int(text.split("\u00a0")[0]) for text in physical if text != "–"]
        assert values == sorted(values)
        assert physical == [*physical[: len(values)], *["–"] * 4]
        page.get_by_role("link", name="Fisik").click()
        expect(page.locator("#programs th[aria-sort=descending]")).to_have_text("Fisik")
        expect(page.locator("#programs tbody tr").first).to_contain_text("100 %")

    def test_more_and_copy(self, page: Page, server: PageServer) -> None:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        shown(page, server)
        page.locator("#programs").scroll_into_view_if_needed()
        page.get_by_role("button", name="Tampilkan 50 berikutnya").click()
        expect(page.locator("#programs tbody tr")).to_have_count(100)
        expect(page.get_by_test_id("programs-total")).to_have_text("100 dari 426 program ditampilkan")
        page.get_by_test_id("programs-copy").click()
        expect(page.get_by_test_id("programs-copy")).to_have_text("Disalin")
        lines = page.evaluate("navigator.clipboard.readText()").split("\n")
        assert len(lines) == 427  # the names of the columns, and all programs
        assert lines[1].split("\t")[:2] == ["GOV-001", "JEPIN"]
        expect(page.locator("#programs tbody tr")).to_have_count(100)

    def test_a_row_that_moved_is_marked_and_tells_the_new_state(self, page: Page, server: PageServer) -> None:
        shown(page, server, "?q=ENV-059")
        row = page.locator("#programs tbody tr")
        expect(row).not_to_contain_text("terealisasi")
        server.report(NEXT)
        expect(row).to_have_class("moved")
        expect(row).to_contain_text("terealisasi")

    def test_one_program_tells_its_story(self, page: Page, server: PageServer) -> None:
        shown(page, server, "?program=GOV-012")
        expect(page.locator("#drawer-title")).to_have_text("Program Tata kelola 12")
        expect(page.get_by_test_id("reports").locator("tbody tr")).to_have_count(3)
        expect(page.get_by_test_id("reports").locator("tbody tr").first).to_contain_text("berlaku")
        expect(page.get_by_test_id("reports")).to_contain_text("Rp765.000.000")

    def test_a_program_never_reported_is_unknown_and_not_zero(self, page: Page, server: PageServer) -> None:
        never = next(one.code for one in server.cities[PLAN].programs.values() if one.department == "perpustakaan")
        shown(page, server, f"?program={never}")
        expect(page.get_by_test_id("program-unknown")).to_contain_text("belum pernah dilaporkan. Itu bukan 0 %")


def _village(*programs: CityProgram) -> PageCity:
    city = PageCity(
        "desa-2020-2029",
        programs or [CityProgram("GOV-001", Label("Satu", "One"), "governance", "public_service", "diskominfo")],
    )
    city.name, city.city = Label("Rencana Desa Cerdas", "Smart village plan"), "Desa"
    return city


class TestStates:
    def test_loading_shows_the_places_and_no_figures(self, page: Page, server: PageServer) -> None:
        page.route("**/v1/**", lambda _: None)  # never answered
        page.goto(server.url)
        expect(page.locator("#main")).to_have_attribute("aria-busy", "true")
        expect(page.locator("#headline .loading")).to_be_visible()
        expect(page.locator("#headline")).to_contain_text("Seberapa jauh kita?")
        assert "%" not in page.locator("#main").inner_text()

    def test_a_plan_without_reports_is_unknown_and_never_zero(self, page: Page) -> None:
        with PageServer(_village(), opening={"plan": "desa-2020-2029", "as_of": "2021-12-31"}) as server:
            shown(page, server)
            expect(page.get_by_test_id("overall-percent")).to_have_text("Belum diketahui")
            expect(page.get_by_test_id("overall-sentence")).to_have_text(
                "Belum satu pun dari 1 program dilaporkan, per tanggal 31 Desember 2021."
            )
            governance = page.get_by_test_id("dimension-governance")
            expect(governance.get_by_test_id("dimension-percent")).to_have_text("Belum ada laporan")
            expect(governance.locator(".bullet-claimed")).to_have_count(0)
            assert governance.locator(".bullet-never").get_attribute("fill") == "url(#hatch)"
            expect(governance.locator(".hatched")).to_be_visible()
            assert not re.search(r"(?<!\d)0,00", page.locator("#main").inner_text())

    def test_one_program(self, page: Page) -> None:
        city = _village()
        city.report("GOV-001", "realized", 100, date(2021, 3, 1))
        with PageServer(city, opening={"plan": city.plan, "as_of": "2021-12-31"}) as server:
            shown(page, server, "?lang=en")
            expect(page.get_by_test_id("overall-sentence")).to_have_text(
                "1 of 1 program is realized: 100.00 %, as of 31 December 2021."
            )
            expect(page.get_by_test_id("dimension-governance").get_by_test_id("dimension-percent")).to_have_text(
                "100.00 %"
            )
            living = page.get_by_test_id("dimension-living")
            expect(living.get_by_test_id("dimension-percent")).to_have_text("No programs")
            expect(living.locator(".bullet-claimed, .bullet-never, .bullet-target")).to_have_count(0)

    def test_no_plan_version_in_force_gives_the_reason(self, page: Page, server: PageServer) -> None:
        server.cities[PLAN].effective_from = date(2019, 1, 1)
        page.goto(server.url + f"?plan={PLAN}&as_of=2018-06-30")
        expect(page.get_by_test_id("overall-percent")).to_have_text("–")
        expect(page.get_by_test_id("overall-sentence")).to_have_text(
            "Belum ada versi masterplan yang berlaku pada tanggal ini."
        )
        expect(page.locator("#dimensions")).to_contain_text("Belum ada versi masterplan")

    def test_an_unknown_plan_is_named_and_the_known_ones_are_offered(self, page: Page, server: PageServer) -> None:
        page.goto(server.url + "?plan=nowhere")
        expect(page.get_by_test_id("problem")).to_contain_text("Rencana ini tidak dikenal")
        page.locator("#plans").get_by_role("link", name="Masterplan Pontianak Smart City").click()
        expect(page.get_by_test_id("overall-percent")).to_be_visible()
        expect(page.get_by_test_id("problem")).to_be_hidden()

    def test_no_plan_at_all(self, page: Page) -> None:
        with PageServer() as server:
            page.goto(server.url)
            expect(page.get_by_test_id("problem")).to_contain_text("Belum ada rencana")

    def test_a_refused_date_shows_the_problem(self, page: Page, server: PageServer) -> None:
        page.goto(server.url + f"?plan={PLAN}&as_of=2021-13-45")
        expect(page.get_by_test_id("problem")).to_contain_text("Permintaan ini tidak dapat dijawab")

    def test_a_server_that_fails_can_be_asked_again(self, page: Page, server: PageServer) -> None:
        server.failing["/realization"] = 503
        page.goto(server.url)
        problem = page.get_by_test_id("problem")
        expect(problem).to_contain_text("Terjadi kesalahan di server")
        expect(problem).to_contain_text("Proyeksi sedang mengejar.")
        server.failing.clear()
        page.get_by_role("button", name="Coba lagi").click()
        expect(page.get_by_test_id("overall-percent")).to_have_text("49,06 %")

    def test_one_part_that_fails_leaves_the_others(self, page: Page, server: PageServer) -> None:
        server.failing["/departments"] = 503
        page.goto(server.url)
        expect(page.get_by_test_id("overall-percent")).to_have_text("49,06 %")
        failed = page.get_by_test_id("departments").get_by_test_id("part-failed")
        expect(failed).to_contain_text("Bagian ini tidak dapat dimuat.")
        server.failing.clear()
        failed.get_by_role("button").click()
        expect(page.get_by_test_id("departments-on_time")).to_be_visible()

    @pytest.mark.parametrize("width", [360, 768, 1366, 1920])
    def test_very_long_names_break_nothing(self, page: Page, width: int) -> None:
        programs = [
            CityProgram(f"GOV-{n:03}", Label(LONG_NAME + "x" * 60, LONG_NAME), "governance", "public_service", "d" * 60)
            for n in range(1, 4)
        ]
        city = _village(*programs)
        city.name = Label(LONG_NAME, LONG_NAME)
        city.report("GOV-001", "realized", 100, date(2021, 3, 1))
        page.set_viewport_size({"width": width, "height": 740})
        with PageServer(city, opening={"plan": city.plan, "as_of": "2021-12-31"}) as server:
            shown(page, server)
            page.locator("#programs").scroll_into_view_if_needed()
            expect(page.locator("#programs tbody tr")).to_have_count(3)
            assert _overflow(page) == []

    def test_the_wall_is_dark_and_fits_its_screen(self, page: Page, server: PageServer) -> None:
        page.set_viewport_size({"width": 1920, "height": 1080})
        shown(page, server, "?wall=1")
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
        assert page.evaluate("document.documentElement.scrollHeight") <= 1080
        expect(page.locator("#programs")).to_be_hidden()
        size = page.get_by_test_id("overall-percent").evaluate(
            "figure => parseFloat(getComputedStyle(figure).fontSize)"
        )
        assert size > 150
        server.refusing = True
        server.drop_streams()
        expect(page.get_by_test_id("banner")).to_have_text(re.compile(r"Terputus\. Terakhir dipastikan \d\d\.\d\d WIB"))

    def test_nothing_burns_into_the_wall(self, page: Page, server: PageServer) -> None:
        page.clock.install()
        shown(page, server, "?wall=1")
        before = page.evaluate("document.body.getBoundingClientRect().x")
        page.clock.run_for(61_000)
        assert page.evaluate("document.body.getBoundingClientRect().x") != before


def _overflow(page: Page) -> list[str]:
    """What sticks out of the page at the side, but for what scrolls in a frame of its own."""
    found: list[str] = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            return [...document.body.querySelectorAll("*")]
                .filter((one) => !one.closest(".scroll") && one.getBoundingClientRect().right > width + 1)
                .map((one) => `${one.nodeName}#${one.id}.${one.className} ${one.textContent.slice(0, 40)}`).concat("the page scrolls sideways");
        }"""
    )
    return found


class TestOnEveryDevice:
    @pytest.mark.parametrize("query", ["", "?group=governance", "?program=GOV-012", "?lang=en&changes=all"])
    def test_a_phone_needs_no_sideways_scrolling(self, page: Page, server: PageServer, query: str) -> None:
        page.set_viewport_size({"width": 360, "height": 740})
        shown(page, server, query)
        if "=" not in query:
            page.locator("#programs").scroll_into_view_if_needed()
            expect(page.locator("#programs tbody tr")).to_have_count(50)
        assert _overflow(page) == []

    def test_on_paper_it_is_black_on_white_with_sources_and_page_numbers(
        self, page: Page, server: PageServer, tmp_path: Path
    ) -> None:
        page.emulate_media(media="print", color_scheme="dark")
        shown(page, server)
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        expect(page.locator("#as-of")).to_be_hidden()
        expect(page.get_by_test_id("sources")).to_contain_text("versi rencana 1, keadaan per 31 Desember 2021")
        paper = tmp_path / "page.pdf"
        page.pdf(path=paper, prefer_css_page_size=True)
        text = subprocess.run(["pdftotext", "-layout", paper, "-"], check=True, capture_output=True, text=True).stdout
        first = text.split("\f", maxsplit=1)[0]
        for words in ("49,06 %", "36,38 %", "Data ilustratif", "Lingkungan", "Dinas Perpustakaan"):
            assert words in first.replace("\u00a0", " "), words
        assert re.search(r"1\s*/\s*\d", first)  # the number of the page
        assert "/v1/plans/kota-pontianak-2019-2028/realization?as_of=2021-12-31" in text.replace("\n", "")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("query", ["", "?wall=1"])
    def test_contrast(self, page: Page, server: PageServer, scheme: Any, query: str) -> None:
        """AAA (7:1) for figures, AA (4.5:1) for every other text, 3:1 for the bars' parts."""
        page.emulate_media(color_scheme=scheme)
        shown(page, server, query)
        figures = ["overall-percent", "fixed-percent", "dimension-percent", "overall-sentence", "target", "band"]
        for name in figures:
            assert (
                _contrast(page, page.get_by_test_id(name).first.evaluate("one => getComputedStyle(one).color")) >= 7
            ), name
        colours = page.evaluate(
            """() => [...new Set([...document.querySelectorAll("body :not(.skip)")]
                .filter((one) => one.checkVisibility() && [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
                .map((one) => getComputedStyle(one).color))]"""
        )
        assert len(colours) >= 2
        for colour in colours:
            assert _contrast(page, colour) >= 4.5, colour
        fill = "(one) => getComputedStyle(one).fill"
        whole, claimed, verified = (
            page.locator(f"#target .bullet-{part}").evaluate(fill) for part in ("whole", "claimed", "verified")
        )
        assert _contrast(page, claimed, whole) >= 2.8
        assert _contrast(page, verified, claimed) >= 2.8


def _contrast(page: Page, colour: str, ground: str | None = None) -> float:
    ground = ground or str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    one, other = sorted((_luminance(colour), _luminance(ground)), reverse=True)
    return (one + 0.05) / (other + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance as the accessibility guidelines define it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class TestReaders:
    def test_landmarks_headings_and_names(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        expect(page.get_by_role("banner")).to_be_visible()
        expect(page.get_by_role("main")).to_be_visible()
        expect(page.get_by_role("contentinfo")).to_be_attached()
        expect(page.get_by_role("heading", level=1)).to_have_text("Masterplan Pontianak Smart City")
        for name in (
            "Seberapa jauh kita?",
            "Apakah itu baik?",
            "Di mana?",
            "Siapa yang belum melapor?",
            "Apa yang berubah?",
        ):
            expect(page.get_by_role("region", name=name)).to_be_visible()
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll("input, select, button, a, svg[role=img], th[scope=col] a")]
                .filter((one) => one.checkVisibility() && !one.textContent.trim() && !one.labels?.length && !one.getAttribute("aria-label"))
                .map((one) => one.outerHTML.slice(0, 100))"""
        )
        assert unnamed == []

    def test_the_first_key_skips_to_the_content(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        page.keyboard.press("Tab")
        expect(page.locator("#skip")).to_be_focused()
        expect(page.locator("#skip")).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()

    def test_behind_the_charts_is_a_table(self, page: Page, server: PageServer) -> None:
        shown(page, server, "?as_of=2020-12-31")
        page.get_by_text("Lihat sebagai tabel").click()
        table = page.get_by_test_id("dimensions-table").get_by_role("table")
        expect(table.get_by_role("row")).to_have_count(7)
        expect(table.get_by_role("row", name="Tata kelola")).to_contain_text("47,92 %")

    def test_a_chart_says_in_words_what_it_shows(self, page: Page, server: PageServer) -> None:
        shown(page, server)
        charts = page.get_by_test_id("dimension-living").get_by_role("img")
        expect(charts.first).to_have_accessible_name(
            re.compile(r"Kehidupan\. Diklaim 47,44\s%, terverifikasi .*target s\.d\. saat ini 30,00\s%")
        )
        expect(charts.nth(1)).to_have_accessible_name(
            re.compile(r"Tren Kehidupan: dari .* pada Januari 2020 menjadi 47,44\s% pada Desember 2021")
        )

    def test_both_languages_say_the_same_things(self, page: Page, server: PageServer) -> None:
        page.goto(server.url)
        names = """async (file) => {
            const names = (words, path) => Object.entries(words).flatMap(([key, value]) =>
                value && typeof value === "object" ? names(value, `${path}${key}.`) : `${path}${key}:${typeof value}:${value.length && typeof value === "function" ? value.length : ""}`);
            return names((await import(new URL(file, document.baseURI))).default, "").sort();
        }"""
        assert page.evaluate(names, "./app/words.id.js") == page.evaluate(names, "./app/words.en.js")


class TestTheStandIn:
    """What the page is tested against answers as the api does: same names, same shapes."""

    @pytest.mark.parametrize("as_of", [END_OF_2021, date(2018, 6, 30)])
    def test_its_answers_are_the_apis(self, as_of: date) -> None:
        from services.aggregator.api.changes.models import Changes
        from services.aggregator.api.departments.models import Departments
        from services.aggregator.api.figures.models import Realization
        from services.aggregator.api.history.models import History
        from services.aggregator.api.models import Answer
        from services.aggregator.api.plans.models import Plans
        from services.aggregator.api.programs.models import Programs, ProgramStory
        from services.aggregator.api.stream.models import Change
        from services.aggregator.api.web_pages import Opening

        server = PageServer(pontianak())
        city, asked = server.cities[PLAN], {"as_of": as_of.isoformat()}
        about = f"/v1/plans/{PLAN}"
        events: list[tuple[type[Answer], Any]] = [
            (Realization, server.answer(f"{about}/realization", asked)),
            (
                Realization,
                server.answer(f"{about}/realization", asked | {"group_by": "sub_dimension", "basis": "verified"}),
            ),
            (History, server.answer(f"{about}/history", {"from": "2020-01-01", "to": "2021-12-31"})),
            (Changes, server.answer(f"{about}/changes", asked | {"since": "2018-01-31"})),
            (Departments, server.answer(f"{about}/departments", asked)),
            (Programs, server.answer(f"{about}/programs", asked)),
            (ProgramStory, server.answer(f"{about}/programs/GOV-001", asked)),
            (Plans, server.answer("/v1/plans", asked)),
            (Change, city.change(["GOV-001"], as_of, "claimed")),
            (Opening, server.answer("/opening.json", {})),
        ]
        for model, answer in events:
            assert model.model_validate(answer).model_dump(mode="json") == answer, model


class TestWeightAndTrust:
    def test_the_first_view_is_light_and_comes_from_here_alone(self, page: Page, server: PageServer) -> None:
        origins: set[str] = set()
        page.on("request", lambda request: origins.add(request.url.split("/")[2]))
        shown(page, server)
        assert origins == {f"127.0.0.1:{server.port}"}
        assert sum(server.sent_bytes.values()) < WEIGHT_LIMIT_BYTES
        everything = sum(
            path.stat().st_size for path in (Path(__file__).parents[2] / "web").rglob("*") if path.is_file()
        )
        assert everything < WEIGHT_LIMIT_BYTES  # even where nothing is compressed

    def test_a_name_is_shown_as_it_is_and_never_run(self, page: Page) -> None:
        nasty = '<img src=x onerror=alert(1)> & "kutip"'
        city = _village(CityProgram("GOV-001", Label(nasty, nasty), "governance", "public_service", "diskominfo"))
        with PageServer(city, opening={"plan": city.plan, "as_of": "2021-12-31"}) as server:
            shown(page, server)
            page.locator("#programs").scroll_into_view_if_needed()
            expect(page.locator("#programs tbody th")).to_have_text(nasty)

    def test_it_asks_for_each_answer_once(self, page: Page, server: PageServer, browser: Browser) -> None:
        shown(page, server)
        answers = [path for path in server.requested if path.startswith("/v1/") and "/stream" not in path]
        assert len(answers) == len(set(answers))
