//! What the demo says.

super::words! {
    START: "A server on {0}, {1} officials, {2}", "Un serveur sur {0}, {1} agents, {2}";
    ENROLLED: "{0} of {1} enrolled", "{0} sur {1} inscrits";
    PROGRESS: "{0} of {1} lines, {2} texts", "{0} sur {1} lignes, {2} textes";
    OFFLINE: "{0} goes into a tunnel", "{0} entre dans un tunnel";
    ONLINE: "{0} is back and catches up", "{0} est de retour et rattrape";
    KILLED: "{0}'s app is killed", "L'application de {0} est tuée";
    RESTARTED: "{0}'s app starts again from its store", "L'application de {0} redémarre depuis sa base";
    REVOKED: "{0} lost a phone: it is revoked", "{0} a perdu un téléphone : il est révoqué";
    REPLACED: "{0} has a new phone", "{0} a un nouveau téléphone";
    SERVER_KILLED: "The server is killed", "Le serveur est tué";
    SERVER_STARTED: "The server starts again", "Le serveur redémarre";
    CREATED: "{0} makes “{1}” with {2} people", "{0} crée « {1} » avec {2} personnes";
    ADDED: "{0} adds {1} to “{2}”", "{0} ajoute {1} à « {2} »";
    REMOVED: "{0} removes {1} from “{2}”", "{0} retire {1} de « {2} »";
    LEFT: "{0} leaves “{1}”", "{0} quitte « {1} »";
    SETTLING: "Waiting until everybody has everything", "En attendant que chacun ait tout";
    SCANNING: "Looking for texts and names in {0} of files", "Recherche de textes et de noms dans {0} de fichiers";
    TRANSCRIPT: "What {0} sees:", "Ce que voit {0} :";
    VERDICT: "{0} officials, {1} texts sent, {2} delivered, {3} lost, {4} duplicated, {5} diverged, {6} leaked",
        "{0} agents, {1} textes envoyés, {2} distribués, {3} perdus, {4} en double, {5} divergents, {6} divulgués";
    LATENCY: "From one screen to another in {0} ms (half), {1} ms (99 of 100); {2} bytes a message; {3} s in all",
        "D'un écran à l'autre en {0} ms (la moitié), {1} ms (99 sur 100) ; {2} octets par message ; {3} s en tout";
    GREEN: "All is well.", "Tout va bien.";
    RED: "NOT well:", "Cela ne va PAS :";
    KEPT: "Kept in {0}: `pli --profile {1} read …` reads on", "Gardé dans {0} : `pli --profile {1} read …` continue la lecture";
    STAY: "You are now {0}. Quit with Ctrl-Q.", "Vous êtes maintenant {0}. Quittez avec Ctrl-Q.";
}
