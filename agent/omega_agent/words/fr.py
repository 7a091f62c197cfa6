"""Les phrases de l'agent en français."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

WORDS: Mapping[str, str] = MappingProxyType(
    {
        # Une ligne quand une commande ne peut pas continuer
        "error.already_measuring": "une autre mesure est en cours sur cet appareil ({path})",
        "error.already_running": "un autre omega run attend sur cet appareil ({path})",
        "error.answer_too_large": "{server} répond plus que ne contient aucune réponse",
        "error.campaign_busy": "une autre commande vient d'écrire dans la campagne {id}",
        "error.campaign_clock": (
            "quand l'autorisation est venue, la campagne {id} n'attendait plus de mesure"
        ),
        "error.campaign_complete": "la campagne {id} est terminée : il ne reste rien à mesurer",
        "error.campaign_file": "{path} est endommagé : {why}",
        "error.campaign_none": "aucune campagne n'est en cours sur cet appareil ({path})",
        "error.campaign_open": "la campagne {id} est en cours ; un appareil n'en tient qu'une",
        "error.campaign_rule": "aucune campagne ne peut être prévue pour {rule} : {why}",
        "error.campaign_too_early": "trop tôt, pas avant {when} : {why}",
        "error.campaign_void": "la campagne {id} est nulle : {why}",
        "error.change_form": "--changed : ce qui a changé, en une ligne de 1 à {most} caractères",
        "error.check_in_answer": "la réponse du serveur n'est pas acceptée : {why}",
        "error.enrolled_already": "cet appareil est déjà enrôlé comme {agent} auprès de {server}",
        "error.file_too_large": "{path} : plus de {limit} octets, ce n'est pas un enregistrement",
        "error.file_unreadable": "{path} : {why}",
        "error.folder_empty": "{path} : aucun fichier de ce dossier ne finit par .json",
        "error.folder_large": "{path} : plus de {limit} fichiers ; vérifiez-le par parties",
        "error.grant": "l'autorisation du serveur n'est pas acceptée : {why}",
        "error.home": "{path} : {why}",
        "error.home_file": "{path} est endommagé : {why}",
        "error.home_place": "{path} : {why}",
        "error.home_rights": "{path} : {why}",
        "error.language": "--lang vaut l'un de : {known}",
        "error.limits_file": "{path} : {why}",
        "error.mode": "--mode vaut l'un de : {known}",
        "error.name_form": "{name} n'est ni un numéro de fiche ou de ticket, ni un nom d'offre",
        "error.no_answer": "pas de réponse de {server} : {why}",
        "error.no_attempt": "chaque tentative de joindre {server} a été vaine",
        "error.not_enrolled": "cet appareil n'est pas enrôlé ({path})",
        "error.not_linux": "omega ne mesure que sous Linux, pas sous {platform}",
        "error.not_omega": "{server} ne répond pas comme un serveur Omega ({what})",
        "error.not_omega_message": "la réponse du serveur est illisible : {why}",
        "error.nothing_kept": (
            "l'enregistrement n'a été ni conservé ici ({kept}) ni transmis ({posted})"
        ),
        "error.outbox_full": "la boîte d'envoi contient {limit} enregistrements, son maximum",
        "error.plain_http": (
            "{server} est en http simple sur une adresse publique : on pourrait le lire et "
            "l'altérer en chemin"
        ),
        "error.plan_missing": "quelle offre ? aucun enregistrement de cet appareil n'en nomme une",
        "error.progress": "--progress vaut l'un de : {known}",
        "error.receipt": "l'accusé de réception du serveur n'est pas accepté : {why}",
        "error.rule_other": (
            "la règle {rule} version {version} n'est pas ici celle pour laquelle la campagne "
            "a commencé"
        ),
        "error.rule_unknown": "aucune règle ne s'appelle {rule} ; on connaît {known}",
        "error.save_place": "{option} {path} : {why}",
        "error.standing_grant": "l'autorisation de surveillance n'est pas acceptée : {why}",
        "error.server_key_form": (
            "--server-key n'est pas une clé publique en base64url (43 caractères)"
        ),
        "error.server_key_moved": (
            "le serveur signe avec une clé à laquelle rien ne mène depuis la clé épinglée"
        ),
        "error.server_line": "ce que le serveur dit de ses clés ne tient pas ({why})",
        "error.server_key_other": "le serveur présente une autre clé que celle qui est donnée",
        "error.server_missing": "quel serveur ? cet appareil n'est enrôlé auprès d'aucun",
        "error.statement": "l'attestation de notre clé n'est pas acceptée : {why}",
        "error.target_not_allowed": ("le propriétaire de cet appareil n'autorise pas {address}"),
        "error.test_point_busy": "le point de test est occupé : revenir dans {seconds} s",
        "error.token_form": "--token n'est pas un jeton d'enrôlement (16 à 128 caractères)",
        "error.trust_empty": "{path} ne contient aucune clé",
        "error.trust_line": "{path}, ligne {line} : ni clé publique, ni clé de témoin",
        "error.trust_quorum": "{path} : quorum impossible avec les témoins nommés",
        "error.until_decided": "--until-decided vaut pour le mode standard, pas pour {mode}",
        "error.url_form": "{url} n'est pas l'adresse d'un serveur, comme http://HÔTE:PORT",
        "error.waiting_first": "{count} enregistrements attendent encore dans la boîte d'envoi",
        "error.zone_unknown": "cette machine ne connaît pas le fuseau horaire {zone}",
        # Qui peut y remédier
        "who.add_server": "à ajouter à la commande : --server URL",
        "who.campaign_file": (
            "exploitant de cette machine : restaurer le fichier, ou l'enlever pour commencer "
            "une autre campagne"
        ),
        "who.campaign_report": (
            "voir omega campaign report, puis y mettre fin par omega campaign stop"
        ),
        "who.campaign_start": "en commencer une : omega campaign start --rule ID",
        "who.campaign_stop": "y mettre fin d'abord : omega campaign stop",
        "who.campaign_void": "y mettre fin par omega campaign stop, en commencer une autre",
        "who.campaign_wait": "relancer la même commande à ce moment-là",
        "who.come_back": "rien n'a été mesuré ni envoyé : relancer la mesure à ce moment-là",
        "who.enrol": "technicien : enrôler l'appareil, omega enrol --server URL --token T",
        "who.enrol_again": (
            "responsable de l'appareil : restaurer le fichier, ou enrôler à nouveau l'appareil"
        ),
        "who.https": "prendre https, ou ajouter --insecure si c'est voulu",
        "who.limits": "propriétaire de l'appareil : corriger le fichier",
        "who.line": "technicien : vérifier d'abord la ligne, puis l'adresse du serveur",
        "who.linux": "prendre une machine sous Linux",
        "who.machine": (
            "responsable de l'appareil : libérer de la place ou réparer le disque, puis recommencer"
        ),
        "who.measure_again": (
            "responsable de l'appareil : libérer de la place et refaire la mesure ; "
            "--save FICHIER la garde ailleurs"
        ),
        "who.pinned": "exploitant : est-ce le serveur auprès duquel l'appareil a été enrôlé ?",
        "who.place": "créer ce dossier, ou en choisir un autre",
        "who.plan": "ajouter --plan ID",
        "who.replace": "technicien : le laisser ainsi, ou ajouter --replace pour une nouvelle clé",
        "who.rights": (
            "responsable de l'appareil : y autoriser l'écriture, ou choisir un autre dossier"
        ),
        "who.same_program": (
            "exploitant : employer le programme avec lequel la campagne a commencé, ou en "
            "commencer une autre"
        ),
        "who.same_server": (
            "exploitant : un serveur Omega de la même version ? un portail qui s'interpose ?"
        ),
        "who.send": "technicien : rétablir la ligne puis lancer omega outbox send",
        "who.send_first": "technicien : lancer omega outbox send avant de remplacer la clé",
        "who.sender": "l'expéditeur du fichier",
        "who.trust_file": "responsable du fichier des clés de confiance",
        "who.typed": "à corriger dans la commande",
        "who.wait": "attendre la fin de celle-ci",
        "who.zones": (
            "exploitant de cette machine : installer la base des fuseaux horaires (tzdata)"
        ),
        # Refus du serveur
        "refused.address_not_proved": "le serveur n'accepte pas la preuve de notre adresse",
        "refused.agent_revoked": "la clé de cet appareil est révoquée",
        "refused.agent_unknown": "le serveur ne connaît pas cet appareil",
        "refused.busy": "le serveur est débordé",
        "refused.campaign_spent": "le budget de l'offre pour les campagnes est épuisé",
        "refused.deadline_exceeded": "le serveur a mis trop de temps",
        "refused.grant_mismatch": "l'enregistrement n'est pas ce qui a été autorisé",
        "refused.grant_of_another_agent": "l'autorisation est celle d'un autre appareil",
        "refused.grant_unknown": "le serveur ne connaît pas l'autorisation",
        "refused.grant_used": "l'autorisation a déjà mené à un autre enregistrement",
        "refused.idempotency_mismatch": "l'enregistrement et son empreinte ne concordent pas",
        "refused.idempotency_missing": "l'enregistrement est arrivé sans son empreinte",
        "refused.in_progress": "l'enregistrement est en cours de stockage",
        "refused.internal": "le serveur a un défaut",
        "refused.item_damaged": "le fichier de la boîte d'envoi est endommagé",
        "refused.key_mismatch": "la clé n'est pas celle de l'appareil nommé",
        "refused.key_superseded": "une autre clé a pris la place de celle-ci",
        "refused.key_unknown": "le serveur ne connaît pas cette clé",
        "refused.method_not_allowed": "le serveur ne connaît pas cette demande",
        "refused.log_size_unknown": "le journal du serveur n'a jamais eu cette taille",
        "refused.metrics_mismatch": "les valeurs ne découlent pas des faits",
        "refused.mode_unknown": "l'offre ne prévoit pas ce mode",
        "refused.agent_overloaded": "l'agent a trop à faire",
        "refused.instruction_ended": "l'instruction est terminée",
        "refused.instruction_taken": "un autre appareil avec cette clé a l'instruction",
        "refused.instruction_unknown": "le serveur ne connaît pas cette instruction",
        "refused.suppression_unknown": "le serveur ne connaît pas cette suspension",
        "refused.not_an_envelope": "le serveur ne peut pas lire l'enveloppe",
        "refused.not_authorised": "le serveur veut savoir qui demande",
        "refused.not_fresh": "le message est d'un autre moment que celui du serveur",
        "refused.not_found": "le serveur ne connaît pas cette adresse",
        "refused.other_bytes_known": "le serveur connaît cet enregistrement sous une autre forme",
        "refused.plan_mismatch": "ce n'est pas l'offre de cet abonné",
        "refused.plan_not_activated": "l'abonné n'a pas d'offre activée",
        "refused.plan_unknown": "aucun profil ne dit ce que promet cette offre",
        "refused.profile_changed": "un profil déjà publié a été modifié",
        "refused.quota_exceeded": "trop d'autotests depuis cette adresse",
        "refused.record_unknown": "le serveur n'a pas cet enregistrement",
        "refused.request_replayed": "le serveur a déjà vu cette demande",
        "refused.schema_invalid": "le message n'est pas ce que le serveur attend",
        "refused.seq_used": "un autre enregistrement de cet appareil porte son numéro",
        "refused.server_key_mismatch": "l'appareil a été enrôlé auprès d'un autre serveur",
        "refused.sheet_unknown": "cette fiche d'installation n'existe pas",
        "refused.signature_invalid": "la signature ne tient pas",
        "refused.store_unavailable": "le serveur ne peut rien stocker en ce moment",
        "refused.subscriber_unknown": "cet abonné n'existe pas",
        "refused.test_point_revoked": "la clé du point de test est révoquée",
        "refused.test_point_unknown": "le serveur ne connaît pas le point de test",
        "refused.ticket_unknown": "ce ticket n'existe pas",
        "refused.tls_required": "le serveur veut https",
        "refused.token_bound": "le jeton est pour un autre numéro de série ou une autre fiche",
        "refused.token_expired": "le jeton d'enrôlement a expiré",
        "refused.token_unknown": "le serveur n'a pas émis ce jeton d'enrôlement",
        "refused.token_used": "le jeton d'enrôlement a servi à un autre appareil",
        "refused.too_large": "le message est plus grand que ce que le serveur accepte",
        "refused_who.agent_revoked": "exploitant : enrôler à nouveau, avec une nouvelle clé",
        "refused_who.agent_unknown": "technicien : enrôler l'appareil avec omega enrol",
        "refused_who.busy": "personne : l'agent recommence de lui-même",
        "refused_who.mode_unknown": "technicien : choisir un autre mode",
        "refused_who.plan_mismatch": "technicien : ne pas nommer d'offre",
        "refused_who.plan_not_activated": "back-office : activer l'offre de l'abonné",
        "refused_who.plan_unknown": "exploitant : donner un profil à cette offre",
        "refused_who.quota_exceeded": "attendre un peu, ou enrôler l'appareil",
        "refused_who.server_key_mismatch": "technicien : enrôler auprès du bon serveur",
        "refused_who.sheet_unknown": "technicien : vérifier le numéro de la fiche",
        "refused_who.ticket_unknown": "assistance : vérifier le numéro du ticket",
        "refused_who.key_superseded": "technicien : utiliser la clé actuelle, ou enrôler à nouveau",
        "refused_who.token_bound": "technicien : donner --serial et --sheet comme convenu",
        "refused_who.token_expired": "exploitant : émettre un autre jeton",
        "refused_who.token_unknown": "technicien : vérifier ce qui a été saisi",
        "refused_who.token_used": "exploitant : émettre un autre jeton",
        # Ce qui est mesuré
        "phase.capacity_down": "Capacité IP descendante",
        "phase.capacity_up": "Capacité IP montante",
        "phase.qualified_down": "Débit fixe descendant",
        "phase.qualified_up": "Débit fixe montant",
        "phase.control": "Accès au serveur",
        "phase.precheck": "Examen de cet appareil et de son réseau",
        "phase.connectivity": "Accès au point de test",
        "phase.idle": "Délai et pertes, ligne au repos",
        "phase.idle_look": "Premier regard, ligne au repos",
        "phase.goodput_down": "Débit utile TCP descendant",
        "phase.goodput_up": "Débit utile TCP montant",
        "phase.path": "Le chemin, saut par saut",
        "phase.finish": "Comptes du point de test",
        # À signaler, sans être un résultat
        "notice.control_not_reached": "le serveur n'a pas été atteint",
        "notice.duplex_unknown": "l'appareil ne dit pas si son lien est en duplex intégral",
        "notice.link_rate_unknown": "l'appareil ne dit pas la vitesse de son lien",
        "notice.loopback_no_line": "le point de test est sur cet appareil : il n'y a pas de ligne",
        "notice.no_route": "cet appareil n'a pas de route vers le point de test",
        "notice.no_address_ipv4": "le nom du serveur n'a pas d'adresse IPv4",
        "notice.no_address_ipv6": "le nom du serveur n'a pas d'adresse IPv6",
        "notice.no_route_ipv4": "cet appareil n'a pas de route IPv4 vers le serveur",
        "notice.no_route_ipv6": "cet appareil n'a pas de route IPv6 vers le serveur",
        "notice.path_changed": "le chemin vers le point de test a changé pendant la mesure",
        # Pourquoi une tentative a échoué
        "reason.certificate_not_trusted": "certificat non reconnu",
        "reason.closed": "connexion fermée sans réponse",
        "reason.host_unreachable": "hôte injoignable",
        "reason.name_not_found": "nom introuvable",
        "reason.name_server_failed": "le serveur de noms a échoué",
        "reason.name_timeout": "pas de réponse du serveur de noms",
        "reason.no_route": "pas de route",
        "reason.not_http": "ce n'est pas une réponse HTTP",
        "reason.not_permitted": "interdit sur cet appareil",
        "reason.refused": "connexion refusée",
        "reason.reset": "connexion coupée",
        "reason.timeout": "pas de réponse à temps",
        "reason.tls_failed": "échec de TLS",
        # Tout le reste
        "say.absent_budget": "Sans valeur, car le budget est épuisé",
        "say.absent_interrupted": "Sans valeur, car la mesure a été arrêtée",
        "say.absent_link_lost": "Sans valeur, car la ligne a été perdue",
        "say.absent_lossy_at_any_rate": "Sans valeur, car trop était perdu à tout débit",
        "say.absent_no_grant": "Sans valeur, car il n'y a pas eu de session",
        "say.absent_no_reply": "Sans valeur, car rien n'est revenu",
        "say.absent_not_measured": "Non mesuré",
        "say.absent_skipped": "Laissé de côté dans cette mesure",
        "say.absent_refused": "Sans valeur, car le point de test a refusé",
        "say.absent_test_point_lost": "Sans valeur, car le point de test a été perdu",
        "say.absent_too_few_samples": "Sans valeur, car il y a trop peu d'échantillons",
        "say.absent_way_unknown": "Sans valeur, car le sens de la perte est inconnu",
        "say.attempt_dns": "nom",
        "say.attempt_http": "HTTP",
        "say.attempt_tcp": "TCP",
        "say.attempt_udp": "UDP",
        "say.campaign_counts": "La mesure compte : numéro {number} de la campagne {id}.",
        "say.campaign_last": "Il reste {count} mesures ; la dernière pas avant {time}.",
        "say.campaign_next": "Prochaines, pas avant : {times} ({zone}).",
        "say.campaign_no_attempt": (
            "Le serveur n'a pas répondu : ce n'est pas une mesure de la campagne ; "
            "l'enregistrement dit ce qui a échoué."
        ),
        "say.campaign_not_measured": "un sens n'a pas été mesuré",
        "say.campaign_own_clock": (
            "Le serveur ne répond pas ; les heures sont celles de cet appareil."
        ),
        "say.campaign_spoiled": "La mesure ne compte pas : {why}.",
        "say.campaign_stopped": (
            "La campagne {id} est arrêtée ; ce qu'elle a se trouve dans {path}."
        ),
        "say.col_criterion": "critère",
        "say.col_found": "mesuré",
        "say.col_promised": "promis",
        "say.col_quantity": "grandeur",
        "say.col_samples": "échantillons",
        "say.col_value": "valeur",
        "say.daemon_answered": "connecté à {server}",
        "say.daemon_began": "instruction {id} commencée : {purpose}, {mode}, {case}",
        "say.daemon_disk": "le disque ne prend pas ce qui doit être gardé : {why}",
        "say.daemon_ended": "instruction {id} : {how}",
        "say.daemon_got": "instruction {id} reçue : {purpose}, {mode}, {case}",
        "say.daemon_said": "instruction {id} : {state} ({why})",
        "say.daemon_silent": "pas de connexion, nouvel essai dans {seconds} s : {why}",
        "say.daemon_starts": "{agent} attend les instructions de {server}",
        "say.daemon_stops": "arrêt",
        "say.daemon_suppressed": "pas de mesure pour l'instant : {why}",
        "say.daemon_turned": "le serveur ne veut pas de cet appareil : {why}",
        "say.daemon_twice": (
            "ATTENTION : un autre appareil parle avec la clé de celui-ci ; enrôlez-le de nouveau"
        ),
        "say.daemon_unsuppressed": "les mesures sont de nouveau permises",
        "say.daemon_scheduled": "mesure d'elle-même toutes les {hours} h ({mode})",
        "say.daemon_unscheduled": "mesure sur demande, plus de programme",
        "say.daemon_left_out": "mesure programmée abandonnée : {why} ({reason})",
        "say.daemon_was_down": (
            "la ligne a été coupée de {least_s} à {most_s} s, au plus tôt depuis {since}"
        ),
        "say.daemon_barred": "la ligne n'est pas surveillée : limits.toml exclut {addresses}",
        "say.daemon_watches": "la ligne est surveillée, face à {test_point} à {address}",
        "say.cost": "La mesure a pris {seconds} s, {down} Mo descendants et {up} Mo montants.",
        "say.first_pass": "PREMIÈRE RÉPONSE : au premier regard la ligne tient ; la preuve suit.",
        "say.first_fail": "PREMIÈRE RÉPONSE : la ligne ne tient pas l'offre ; la mesure continue.",
        "say.first_inconclusive": "PREMIÈRE RÉPONSE : rien de sûr encore ; la mesure continue.",
        "say.first_invalid": "PREMIÈRE RÉPONSE : aucune, quelque chose fausse cette mesure.",
        "say.saved_in_vain": (
            "L'omis n'aurait rien tranché : {seconds} s, {down} Mo descendants, {up} Mo montants."
        ),
        "say.saved": (
            "On en savait assez ; épargné : {seconds} s, {down} Mo descendants, {up} Mo montants."
        ),
        "say.earlier_posted": "Enregistrements antérieurs transmis aussi : {count}.",
        "say.earlier_refused": (
            "Enregistrements antérieurs refusés : {count} ; voir omega outbox list."
        ),
        "say.ended_budget": "terminé, budget épuisé",
        "say.ended_completed": "fait",
        "say.ended_decided": "fait, décidé plus tôt",
        "say.ended_interrupted": "arrêté",
        "say.ended_link_lost": "la ligne a été perdue",
        "say.ended_no_grant": "pas de session",
        "say.ended_refused": "refusé par le point de test",
        "say.ended_skipped": "omis",
        "say.ended_test_point_lost": "le point de test a été perdu",
        "say.enrolled": "Appareil enrôlé comme {agent} auprès de {server}.",
        "say.enrolled_key": "Clé du serveur, désormais épinglée : {key}",
        "say.folder_checked": (
            "{files} fichiers vérifiés : {trusted} valides et de confiance, {untrusted} valides"
            " dont une clé n'est pas de confiance, {invalid} NON VALIDES."
        ),
        "say.folder_missing": (
            "Agent {agent} : les tentatives {first} à {last} n'ont pas d'enregistrement ici."
        ),
        "say.folder_not_watched": (
            "Agent {agent} : les fenêtres {first} à {last} de sa surveillance n'ont pas"
            " d'enregistrement ici."
        ),
        "say.folder_progress": "{done} fichiers vérifiés sur {files} ...",
        "say.in_vain_server": "  ✗ serveur, {kind} : {failed} sur {tried} en vain, {why}",
        "say.in_vain_test_point": "  ✗ point de test, {kind} : {failed} sur {tried} en vain, {why}",
        "say.interrupted": "Arrêté avant la fin ; ce qui était mesuré a été conservé.",
        "say.left": "{count} enregistrements attendent encore dans la boîte d'envoi.",
        "say.limited_grant": "{name} : au moins ; la session n'avait pas droit à plus.",
        "say.limited_lan": "{name} : limité par le lien de l'appareil lui-même, non par la ligne.",
        "say.limited_probe_host": "{name} : limité par l'appareil de mesure, non par la ligne.",
        "say.limited_test_point": "{name} : limité par le point de test, non par la ligne.",
        "say.limited_unknown": "{name} : ce qui l'a limité n'est pas connu.",
        "say.line_dead": "Pas de session possible : {why}.",
        "say.log_rewritten": (
            "ATTENTION : le journal {origin} a été réécrit ou tronqué : {seen} entrées vues"
            " auparavant, {size} maintenant, et l'un n'est pas la suite de l'autre."
            " Pièces à conviction : {evidence}"
        ),
        "say.measured_invalid": "Mesuré, mais cette mesure ne dit rien de la ligne.",
        "say.measured_valid": "Mesuré, et rien n'a perturbé la mesure.",
        "say.measured_in_part": "Mesuré en partie : une tâche a été coupée.",
        "say.not_waiting": "L'enregistrement {digest} n'a pas été transmis et n'est pas conservé.",
        "say.outbox_empty": "Rien n'attend dans la boîte d'envoi.",
        "say.outbox_refused": "Refusés par le serveur et mis de côté, {count} :",
        "say.outbox_waiting": "En attente d'envoi, {count} :",
        "say.path_heading": "Où est le défaut",
        "say.phase_begins": "{phase}, environ {seconds} s ...",
        "say.plot_delay_row": "aller-retour",
        "say.posted_nobody": "Transmis {at}, attribué à personne. Enregistrement {digest}",
        "say.posted_sheet": (
            "Transmis à la fiche d'installation {id}, {at}. Enregistrement {digest}"
        ),
        "say.posted_ticket": "Transmis au ticket {id}, {at}. Enregistrement {digest}",
        "say.refused": "Refusé par le serveur : {why}. Enregistrement {digest}",
        "say.sending_elsewhere": "Un autre omega est en train d'envoyer.",
        "say.sent": "{count} enregistrements transmis.",
        "say.server_differs": (
            "C'est le verdict du serveur, le seul qui compte. Ici c'était : {preview}"
        ),
        "say.stopping": (
            "Arrêt en cours ; ce qui est mesuré est conservé. Ctrl-C encore pour quitter aussitôt."
        ),
        "say.waiting": (
            "Conservé dans la boîte d'envoi : la prochaine commande omega qui atteint le serveur "
            "le transmet, ou omega outbox send. Enregistrement {digest}"
        ),
        "say.rotated": "{agent} a une nouvelle clé : {key}",
        "say.rotated_waiting": (
            "{count} enregistrements scellés par l'ancienne clé attendent : ils doivent arriver"
            " dans les {days} jours."
        ),
        "say.unchecked_agent_key_not_vouched": ("personne de confiance ne dit à qui est cette clé"),
        "say.unchecked_no_grant": "aucune autorisation ne l'accompagne",
        "say.unchecked_no_observation": "aucun compte d'un second observateur ne l'accompagne",
        "say.unchecked_no_profile": "aucun profil ne l'accompagne : le verdict n'a pas été refait",
        "say.unchecked_no_proof": "aucune preuve de présence dans le journal du serveur",
        "say.unchecked_no_receipt": "aucun accusé : personne ne dit quand il a été reçu",
        "say.unchecked_server_key_unknown": "signé par un serveur dont la clé est inconnue ici",
        "say.doubt_compromised": (
            "clé {role} {kid} : un autre a pu s'en servir, depuis le {since}"
        ),
        "say.doubt_revoked": "clé {role} {kid} : hors d'usage depuis le {since}",
        "say.doubt_superseded": "clé {role} {kid} : une autre a pris sa place, le {since}",
        "say.doubt_unknown": "clé {role} {kid} : pas encore émise alors, mais le {since}",
        "say.role_agent": "de l'appareil",
        "say.role_server": "du serveur",
        "say.role_test_point": "du point de test",
        "say.verify_skew": (
            "L'horloge de l'appareil avait {seconds} s d'écart ; l'heure du serveur fait foi."
        ),
        "say.verify_failed": "Contrôle en échec : {check} ({detail})",
        "say.verify_invalid": "NON VALABLE : modifié, endommagé, ou jamais scellé ainsi.",
        "say.verify_logged": "Dans le journal {origin}, qui comptait alors {size} entrées",
        "say.verify_passed": "Contrôles passés : {checks}",
        "say.verify_receipt": "Reçu par le serveur, {at}",
        "say.verify_record": "Enregistrement {digest}",
        "say.verify_session": "Mesuré {at} par {agent}, motif {purpose}, {id}",
        "say.verify_valid_and_trusted": "VALABLE ET SÛR : inchangé, et les clés sont connues.",
        "say.verify_valid_key_not_trusted": (
            "VALABLE, CLÉ NON RECONNUE : inchangé, mais personne de confiance ne s'en porte garant."
        ),
        "say.watched_lasts": "coupée depuis {since}, pendant {least} s au moins ; encore à la fin",
        "say.watched_more": "et {count} autres coupures : voir --json",
        "say.watched_nothing": "Rien n'a été observé en {unobserved} s.",
        "say.watched_outage": "coupée depuis {since}, pendant {least} à {most} s",
        "say.watched_share": (
            "Disponible {low} à {high} % du temps observé ; non observé : {unobserved} s"
        ),
        "say.watched_window": "Surveillée de {since} à {until} par {agent}, face à {test_point}",
        "say.verify_verdict": "Jugé à nouveau d'après les faits : {verdict}",
    }
)
