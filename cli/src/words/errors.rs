//! What went wrong, and what to do about it.

super::words! {
    ERROR: "pli: {0}", "pli : {0}";
    UNAVAILABLE: "the server can't be reached now; try again later", "le serveur est injoignable ; réessayez plus tard";
    NO_SERVER: "the server can't be reached at {0}, or is not the one that the invitation names",
        "le serveur est injoignable à {0}, ou n'est pas celui que nomme l'invitation";
    QUEUED: "queued: the server did not answer within {0} s; it will be done at the next sync",
        "en attente : le serveur n'a pas répondu en {0} s ; ce sera fait à la prochaine synchronisation";
    WAITS: "queued: something still waits, though the server answers ({0} s were not enough); it goes as soon as it can",
        "en attente, bien que le serveur réponde ({0} s n'ont pas suffi) ; ce sera fait dès que possible";
    DAY_IS_OVER: "{0} is over", "le {0} est passé";
    HIGHER_ALREADY: "“{0}” has a higher role already", "« {0} » a déjà un rôle plus élevé";
    NO_FOLDER: "{0} can't be used: it can't be made, read or written", "{0} est inutilisable : on ne peut le créer, le lire ou y écrire";
    INTERRUPTED: "stopped before the end", "arrêté avant la fin";
    NO_OUTPUT: "the output can't be written: {0}", "la sortie ne peut être écrite : {0}";
    STORE_IN_USE: "another program uses this profile; close it first", "un autre programme utilise ce profil ; fermez-le d'abord";
    STORAGE_FULL: "the disk is full; nothing was written", "le disque est plein ; rien n'a été écrit";
    NOT_ALLOWED: "your role or standing in this conversation does not allow that: `pli conversations` shows it",
        "votre rôle ou votre situation dans cette conversation ne le permet pas : « pli conversations » le montre";
    INVITATION_UNKNOWN: "the server does not know this invitation", "le serveur ne connaît pas cette invitation";
    INVITATION_USED: "this invitation was already used; ask for another one", "cette invitation a déjà servi ; demandez-en une autre";
    INVITATION_EXPIRED: "this invitation has expired; ask for another one", "cette invitation a expiré ; demandez-en une autre";
    WRONG_SERVER: "the server is not the one that the invitation names; do not go on, ask your administrator",
        "le serveur n'est pas celui que nomme l'invitation ; n'allez pas plus loin, demandez à votre administration";
    CLOCK_AHEAD: "your clock is wrong by about {0} days: it is ahead of the server's; set it right",
        "votre horloge est fausse d'environ {0} jours : elle avance sur celle du serveur ; réglez-la";
    CLOCK_BEHIND: "your clock is wrong by about {0} days: it is behind the server's; set it right",
        "votre horloge est fausse d'environ {0} jours : elle retarde sur celle du serveur ; réglez-la";
    QUEUED_CLOCK: "queued: it will be done at the first sync after your clock is right",
        "en attente : ce sera fait à la première synchronisation avec une horloge juste";
    KEY_LOCKED: "the profile's key file can't be read: {0}", "le fichier de clé du profil est illisible : {0}";
    KEY_MISSING: "the profile's key file is missing: {0}", "le fichier de clé du profil manque : {0}";
    KEY_WRONG: "the key in {0} is not this profile's", "la clé dans {0} n'est pas celle de ce profil";
    UPDATE: "this version of Pli is too old; update it", "cette version de Pli est trop ancienne ; mettez-la à jour";
    NOT_ENROLLED: "{0} is no profile; `pli --profile DIR join LINK` makes one",
        "{0} n'est pas un profil ; `pli --profile DOSSIER join LIEN` en crée un";
    ALREADY_ENROLLED: "{0} is a profile already; choose another folder", "{0} est déjà un profil ; choisissez un autre dossier";
    REVOKED: "this device was revoked; ask for a new invitation", "cet appareil a été révoqué ; demandez une nouvelle invitation";
    DAMAGED: "the profile's store is damaged", "la base du profil est endommagée";
    CLOSED: "the profile was closed meanwhile", "le profil a été fermé entre-temps";
    INTERNAL: "a defect of Pli ({0}); run again with RUST_LOG=debug to see more",
        "un défaut de Pli ({0}) ; relancez avec RUST_LOG=debug pour en voir plus";
    NO_LINK: "that is not an invitation link: it looks like pli://host:port/join#…",
        "ce n'est pas un lien d'invitation : il ressemble à pli://hôte:port/join#…";
    LINK_ADDRESS: "that is not an invitation link: after pli:// come a host, a port and /join#, as in pli://host:4433/join#…",
        "ce n'est pas un lien d'invitation : après pli:// viennent un hôte, un port et /join#, comme dans pli://hôte:4433/join#…";
    LINK_CUT: "that is not an invitation link, or its end is missing: after the # come 64 characters; copy it whole, in quotes",
        "ce n'est pas un lien d'invitation, ou il manque sa fin : après le # viennent 64 caractères ; copiez-le en entier, entre guillemets";
    LINK_LONG: "that is not an invitation link, or something was joined to its end: after the # come 64 characters",
        "ce n'est pas un lien d'invitation, ou quelque chose est collé à sa fin : après le # viennent 64 caractères";
    LINK_SEVERAL: "there are several invitation links; give one", "il y a plusieurs liens d'invitation ; donnez-en un seul";
    INVALID_TEXT: "a text is empty, invisible or longer than {0} bytes", "un texte est vide, invisible ou dépasse {0} octets";
    INVALID_NAME: "a name is one line of 1 to {0} bytes, with something to be seen", "un nom est une ligne de 1 à {0} octets, où l'on voit quelque chose";
    INVALID_EMOJI: "a reaction is one emoji", "une réaction est un seul emoji";
    INVALID_PEOPLE: "too many people at once (at most {0})", "trop de personnes à la fois ({0} au plus)";
    INVALID_NUMBER: "the number is not the one that the other device shows; do not approve it",
        "le numéro n'est pas celui que montre l'autre appareil ; ne l'approuvez pas";
    INVALID_SETTING: "that value is not valid for this setting", "cette valeur n'est pas valable pour ce réglage";
    INVALID_PERSON: "that person can't be chosen here", "cette personne ne peut pas être choisie ici";
    UNKNOWN_PERSON: "nobody is known as “{0}”", "personne n'est connu comme « {0} »";
    UNKNOWN_CONVERSATION: "there is no conversation “{0}”", "il n'y a pas de conversation « {0} »";
    NO_PAIR: "there is no conversation with {0} yet; `pli pair` opens it", "il n'y a pas encore de conversation avec {0} ; « pli pair » l'ouvre";
    UNKNOWN_MESSAGE: "there is no message “{0}” in this conversation", "il n'y a pas de message « {0} » dans cette conversation";
    UNKNOWN_DEVICE: "there is no device “{0}”", "il n'y a pas d'appareil « {0} »";
    UNKNOWN_MEMBER: "that person is not a member", "cette personne n'est pas membre";
    NOT_FOUND: "not found", "introuvable";
    AMBIGUOUS: "“{0}” may mean several; give an id:", "« {0} » peut en désigner plusieurs ; donnez un identifiant :";
    REFUSED_NOT_ALLOWED: "refused: your role does not allow it", "refusé : votre rôle ne le permet pas";
    REFUSED_NO_DEVICE: "refused: the person has no device that can be added", "refusé : la personne n'a aucun appareil à ajouter";
    REFUSED_NOT_MEMBER: "refused: you are no longer in this conversation", "refusé : vous n'êtes plus dans cette conversation";
    REFUSED_TOO_MANY: "refused: the conversation is full", "refusé : la conversation est pleine";
    REFUSED_SERVER: "refused by the server", "refusé par le serveur";
    PORT_IN_USE: "can't listen on {0}: {1}", "impossible d'écouter sur {0} : {1}";
    NO_AUTHORITY: "{0} is no server's data folder; `pli serve --data DIR` makes one",
        "{0} n'est pas le dossier d'un serveur ; `pli serve --data DOSSIER` en crée un";
    DATA: "the server's data can't be used: {0}", "les données du serveur sont inutilisables : {0}";
    NOT_ROOT: "{0} is not the key of this authority's root", "{0} n'est pas la clé de la racine de cette autorité";
    NO_ISSUER: "the issuer has ended, and there is no other yet; `pli root --data DIR replace-issuer --root FILE` makes one",
        "l'émetteur a pris fin, et il n'y en a pas encore d'autre ; `pli root --data DOSSIER replace-issuer --root FICHIER` en fait un";
    SERVER_IN_USE: "another server uses {0}", "un autre serveur utilise {0}";
    SERVER: "the server stopped: {0}", "le serveur s'est arrêté : {0}";
    NO_ADDRESS: "the server's address is not known yet; start it once, or give --advertise HOST:PORT",
        "l'adresse du serveur n'est pas encore connue ; démarrez-le une fois, ou donnez --advertise HÔTE:PORT";
    BAD_ADDRESS: "“{0}” is not HOST:PORT", "« {0} » n'est pas HÔTE:PORT";
    BAD_DATE: "“{0}” is not a date such as 2027-03-31", "« {0} » n'est pas une date comme 2027-03-31";
    BAD_SETTING: "“{0}” can't be set to “{1}”; known: topic TEXT, lifetime off|7d|12h, may-add|may-remove|may-post|may-rename owner|admin|member|guest",
        "« {0} » ne peut devenir « {1} » ; connus : topic TEXTE, lifetime off|7d|12h, may-add|may-remove|may-post|may-rename owner|admin|member|guest";
    BAD_SCRIPT: "line {0} of the script: {1}", "ligne {0} du scénario : {1}";
    NO_FILE: "{0} can't be read: {1}", "{0} est illisible : {1}";
    NO_HOME: "there is no home folder; give --profile DIR", "il n'y a pas de dossier personnel ; donnez --profile DOSSIER";
    STDIN: "standard input can't be read: {0}", "l'entrée standard est illisible : {0}";
    NO_TERMINAL: "chat needs a terminal", "chat a besoin d'un terminal";
    EMPTY_FOLDER: "{0} is not empty; --keep wants a new folder", "{0} n'est pas vide ; --keep veut un nouveau dossier";
    DEMO_FAILED: "the demo could not go on: {0}", "la démonstration n'a pas pu continuer : {0}";
}
