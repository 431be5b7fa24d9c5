"""`poolhouse migrations squash`."""

from typing import Annotated

import typer

from poolhouse.cli.answer import Answer
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import Timeout, complete_modules, migrations
from poolhouse.cli.verb import verb
from poolhouse.errors import CommandError
from poolhouse.migrations.squash import prove, remove_replaced
from poolhouse.migrations.squash import squash as squash_set

Module = Annotated[str, typer.Argument(metavar="MODULE", help="Whose migrations.", autocompletion=complete_modules)]
Name = Annotated[str, typer.Option(help="What the new file is called, behind its version.")]
IsProof = Annotated[bool, typer.Option("--prove", help="Write nothing: prove the one there is, edited or not.")]
IsRemoval = Annotated[
    bool, typer.Option("--remove-replaced", help="Prove the one there is, and delete the files that it replaces.")
]


@verb(
    migrations,
    examples=[
        "poolhouse migrations squash users",
        "poolhouse migrations squash users --prove",
        "poolhouse migrations squash users --remove-replaced",
    ],
    json="{module, file, replaced, removed}; replaced are files, removed is true or false",
)
async def squash(
    application: Application,
    module: Module,
    *,
    name: Name = "squashed",
    is_proof: IsProof = False,
    is_removal: IsRemoval = False,
    timeout: Timeout = None,
) -> Answer:
    """Write one migration that stands for all there are of a module, and prove that it makes the same.

    A new schema is installed by it alone. Where the others are applied it is only recorded, so that it can be deployed
    beside them. When it is recorded everywhere, the others may go: --remove-replaced. Until then you may edit it;
    --prove compares again. Both paths are run in a transaction that is rolled back, on empty tables; rows are not
    compared.
    """
    if is_proof and is_removal:
        raise CommandError("--remove-replaced proves before it deletes", remedy="Leave --prove out")
    async with application.migrating([module]) as sets:
        if is_proof or is_removal:
            found = await (prove if is_proof else remove_replaced)(sets[0], timeout=timeout)
        else:
            found = await squash_set(sets[0], name=name, timeout=timeout)
    data = {
        "module": module,
        "file": str(found.file),
        "replaced": [str(each) for each in found.replaced],
        "removed": is_removal,
    }
    names = ", ".join(each.name for each in found.replaced)
    shown = [f"{found.file} makes what these make: {names}."]
    if is_removal:
        shown.append("They are deleted.")
    elif not is_proof:
        shown.append("Deploy it beside them; they may go when it is recorded everywhere.")
    return Answer(data, tuple(shown))
