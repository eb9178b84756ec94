"""How Pantau is run: on one machine (`local`), in a cluster (`k8s`), and how it is watched (`monitoring`)."""
