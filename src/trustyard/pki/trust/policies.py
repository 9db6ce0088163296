"""Certificate policies along a path, as sets (RFC 5280, section 6.1; the tree is needed for qualifiers alone)."""

from __future__ import annotations

from collections.abc import Iterator

from . import strict
from .paths import Path
from .rules import Remark, remark


def check(path: Path) -> Iterator[Remark]:
    """A remark when a certificate of the path requires a policy and none is valid at its end."""
    count = len(path)
    require = mapping = inhibit_any = count + 1  # counted down; at zero the rule is in force
    valid = {strict.ANY_POLICY}
    for at, link in enumerate(reversed(path)):
        last = at == count - 1
        if at > 0:
            policies = set(link.says(strict.POLICIES) or ())
            anything = strict.ANY_POLICY in policies and (inhibit_any > 0 or (not last and link.self_issued))
            valid = _narrowed(valid, policies - {strict.ANY_POLICY}, anything)
        if not last:
            mappings = link.says(strict.MAPPINGS) or ()
            mapped = {subject for issuer, subject in mappings if issuer in valid or strict.ANY_POLICY in valid}
            valid = valid - {issuer for issuer, _ in mappings} | (mapped if mapping > 0 else set())
        if at > 0 and (last or not link.self_issued):  # the last one counts, whoever issued it (6.1.5 (a))
            require, mapping, inhibit_any = (max(n - 1, 0) for n in (require, mapping, inhibit_any))
        found = link.says(strict.POLICY_CONSTRAINTS) or strict.PolicyConstraints(None, None)
        require = min(require, _or(found.require, require))
        mapping = min(mapping, _or(found.inhibit_mapping, mapping))
        inhibit_any = min(inhibit_any, _or(link.says(strict.INHIBIT_ANY), inhibit_any))
    if require == 0 and not valid:
        sentence = f"A certificate policy is required, and none is valid for {path[0].title}."
        yield remark("policy", sentence, path[0].sha256)


def _narrowed(valid: set[str], policies: set[str], anything: bool) -> set[str]:
    if strict.ANY_POLICY in valid:
        return policies | ({strict.ANY_POLICY} if anything else set())
    return valid if anything else valid & policies


def _or(found: int | None, otherwise: int) -> int:
    return otherwise if found is None else found
