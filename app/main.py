"""The app: the frame around the pages; problems with a name are caught here, once."""

import importlib
import logging
import pkgutil
import secrets
from pathlib import Path
from types import ModuleType

import streamlit as st

from app import pages, shell, state
from medvis.errors import MedvisError

log = logging.getLogger("medvis.app")


def main(first: str = "worklist") -> None:
    """Draw the page that the address names.

    Args:
        first: File name of the page of an address that names none.
    """
    st.set_page_config(page_title="medvis", page_icon="🩻", layout="wide", initial_sidebar_state="collapsed")
    modules = {name: importlib.import_module(f"app.pages.{name}") for name in _names()}
    known = {name: _page(name, module, first) for name, module in modules.items()}
    groups: dict[str, list[st.Page]] = {}
    for name, one in known.items():
        groups.setdefault(modules[name].GROUP, []).append(one)
    page = st.navigation(groups, position="top")
    shell.notice()
    here = next(name for name in known if known[name] == page)
    _guarded(here, known, modules, page)


def _guarded(here: str, known: dict[str, st.Page], modules: dict[str, ModuleType], page: st.Page) -> None:
    """Run the page; a problem with a name ends in a sentence, any other in one line with an id."""
    try:
        state.settle(known)
        state.warm()
        shell.controls(here)
        page.run()
    except state.UnknownStudy:
        modules["worklist"].show()  # below the shell's sentence
    except MedvisError as problem:
        st.error(shell.plain(f"{problem.message} {problem.remedy}".strip()))
    except Exception as problem:  # noqa: BLE001  the person gets an id, the log the kind: texts may name a patient
        number = secrets.token_hex(4)
        log.error("page %s failed, id %s: %s", here, number, _where(problem))
        st.error(
            f"This page failed (id {number}). The rest of the app goes on: choose another page or study."
        )


def _where(problem: BaseException) -> str:
    """Return the kind of a problem and the line of ours where it arose, never its text."""
    trace, place = problem.__traceback__, ""
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        place = f"{file.name}:{trace.tb_lineno}" if {"app", "medvis"} & set(file.parts) else place
        trace = trace.tb_next
    return f"{type(problem).__name__} at {place}"


def _names() -> list[str]:
    """Return the pages' file names in the order of the navigation."""
    names = [one.name for one in pkgutil.iter_modules(pages.__path__)]
    return sorted(names, key=lambda name: importlib.import_module(f"app.pages.{name}").ORDER)


def _page(name: str, module: ModuleType, first: str) -> st.Page:
    return st.Page(module.show, title=module.TITLE, url_path=name, default=name == first)
