//! What commands answer.

super::words! {
    LISTENING: "Listening on {0}; clients reach it at {1}", "À l'écoute sur {0} ; les clients l'atteignent à {1}";
    FOUNDED: "The authority of {0} was founded in {1}. Take {2} away and keep it offline.",
        "L'autorité de {0} a été fondée dans {1}. Emportez {2} et gardez-le hors ligne.";
    FIRST_INVITATION: "The first administrator's invitation, for one device:",
        "L'invitation de la première administration, pour un seul appareil :";
    LOOPBACK: "Links will name {0}, which only this machine reaches; --advertise HOST:PORT says otherwise",
        "Les liens nommeront {0}, que seule cette machine atteint ; --advertise HÔTE:PORT en donne une autre";
    ADVERTISED_BEFORE: "Links will name {0}, as was told before; --advertise HOST:PORT names another, --advertise auto the usual one",
        "Les liens nommeront {0}, comme indiqué auparavant ; --advertise HÔTE:PORT en donne une autre, --advertise auto l'adresse habituelle";
    STOPPING: "Stopping…", "Arrêt…";
    JOINED: "Joined {0} as {1}", "{1} a rejoint {0}";
    SENT: "sent {0}", "envoyé {0}";
    TAKEN_BACK: "taken back {0}", "repris {0}";
    DONE: "done", "fait";
    RENAMED: "renamed", "renommé";
    REVOKED: "revoked", "révoqué";
    DEPARTED: "departed", "parti";
    ISSUER_ENDED: "{0} ended (number {1}); {2} devices that it certified stay, and nothing else of it",
        "{0} a pris fin (numéro {1}) ; {2} appareils qu'il a certifiés restent, et rien d'autre de lui";
    ISSUER_SIGNS: "{0} signs", "{0} signe";
    ISSUER_REPLACED: "A running server takes the new issuer within a second. Take {0} away again.",
        "Un serveur en marche prend le nouvel émetteur dans la seconde. Remportez {0}.";
    REVOCATIONS_OLD: "Online, but the server's list of revoked devices is days old (or this clock is wrong)",
        "En ligne, mais la liste des appareils révoqués du serveur date de plusieurs jours (ou cette horloge est fausse)";
    SYNCED: "{0} new, {1} waiting", "{0} nouveaux, {1} en attente";
    STOPPED_AT: "(stopped after {0}; `pli read {1} --since {2}` goes on)", "(arrêté après {0} ; « pli read {1} --since {2} » continue)";
    INCOMPLETE: "not everything was fetched", "tout n'a pas été récupéré";
    PAIR: "pair", "paire";
    GROUP: "group", "groupe";
    PERSON: "person", "personne";
    DEVICE: "device", "appareil";
    MESSAGE: "message", "message";
    UNREAD: "{0} unread", "{0} non lus";
    NOT_FRESH: "(no answer from the server: this is as this device last knew it)",
        "(pas de réponse du serveur : voici ce que cet appareil savait)";
    MUTED: "muted", "muet";
    GUEST_UNTIL: "guest until {0}", "invité jusqu'au {0}";
    GONE: "departed", "parti";
    DEVICES: "{0} devices", "{0} appareils";
    THIS: "this device", "cet appareil";
    IS_REVOKED: "revoked", "révoqué";
    MISSING_FROM: "not in {0} conversations; to approve, compare {1}", "absent de {0} conversations ; pour approuver, comparez {1}";
    NUMBER: "number {0}", "numéro {0}";
    NEXT_OWNER: "You were the last owner. The admin who was enrolled first becomes owner, or without admins the member.",
        "Le groupe n'a plus de propriétaire : ses administrateurs en tiennent lieu, ou tout le monde s'il n'y en a pas.";
    OWNER: "owner", "propriétaire";
    ADMIN: "admin", "admin";
    MEMBER: "member", "membre";
    GUEST: "guest", "invité";
    NEW: "new", "nouvelle";
    RETURNING: "coming back", "retour en cours";
    ACCESS_LOST: "no access", "sans accès";
    BEHIND: "away too long: an admin must remove and add you again",
        "absent trop longtemps : un administrateur doit vous retirer puis vous rajouter";
    DIVERGED: "lost by the server: make a new group", "perdu par le serveur : créez un nouveau groupe";
    REMOVED: "removed", "retiré";
    LEFT: "left", "quittée";
    WAITING: "waiting", "en attente";
    EDITING: "to be edited: {0}", "à modifier : {0}";
    NOT_EDITED: "not edited: {0}", "pas modifié : {0}";
    DELETING: "to be deleted", "à supprimer";
    NOT_DELETED: "not deleted", "pas supprimé";
    REACTING: "reaction: {0}", "réaction : {0}";
    NOT_REACTED: "no reaction: {0}", "pas de réaction : {0}";
    REFUSED: "refused", "refusé";
    EDITED: "edited", "modifié";
    DELETED: "(deleted)", "(supprimé)";
    DELETED_BY: "(deleted by {0})", "(supprimé par {0})";
    UNKNOWN: "(update Pli to see this)", "(mettez Pli à jour pour voir ceci)";
    UNREADABLE: "(could not be read)", "(n'a pas pu être lu)";
    REPLY: "replies to {0}", "répond à {0}";
    WHAT_FOUNDED: "{0} made the group", "{0} a créé le groupe";
    WHAT_JOINED: "You are in this conversation now", "Vous êtes maintenant dans cette conversation";
    WHAT_ADDED: "{0} added {1}", "{0} a ajouté {1}";
    WHAT_REMOVED: "{0} removed {1}", "{0} a retiré {1}";
    WHAT_DEVICE_ADDED: "{0} has a further device", "{0} a un appareil de plus";
    WHAT_DEVICE_REMOVED: "{0} has a device less", "{0} a un appareil de moins";
    WHAT_LEFT: "{0} left", "{0} est parti";
    WHAT_ROLE: "{0} made {1} {2}", "{0} a nommé {1} {2}";
    WHAT_RENAMED: "{0} renamed it “{1}”", "{0} l'a renommé « {1} »";
    WHAT_TOPIC: "{0} set the topic: {1}", "{0} a changé le sujet : {1}";
    WHAT_SETTINGS: "{0} changed the settings", "{0} a changé les réglages";
    WHAT_RETURNED: "{0} came back", "{0} est revenu";
    WHAT_LOST: "This device could not follow {0}, and came back by itself",
        "Cet appareil n'a pas pu suivre {0}, et est revenu de lui-même";
    WHAT_GAP: "Messages are missing here", "Des messages manquent ici";
    WHAT_FORK: "The server shows {0} another history", "Le serveur montre à {0} une autre histoire";
    WHAT_PUT_BACK: "The server was put back to an older copy: others may not have what was said last before this",
        "Le serveur a été remis à une copie plus ancienne : d'autres n'ont peut-être pas ce qui a été dit en dernier avant ceci";
    SAFETY: "Compare with {0}, by voice or side by side:", "Comparez avec {0}, de vive voix ou côte à côte :";
    VERIFIED: "compared before, unchanged", "déjà comparé, inchangé";
}
